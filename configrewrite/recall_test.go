package configrewrite

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestIDWithoutEpochs: a file that came with an id does not tell what was voted
// for. That stays so when it is saved before any epoch is known.
func TestIDWithoutEpochs(t *testing.T) {
	for name, text := range map[string]string{
		"sentinel.conf": "port 26379\nsentinel myid " + string(idA) + "\nsentinel monitor m 127.0.0.1 6379 2\n",
		"sentinel.toml": "[sentinel]\nmyid = \"" + string(idA) + "\"\n\n[[master]]\nname = \"m\"\nhost = \"127.0.0.1\"\nport = 6379\nquorum = 2\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			writeText(t, path, text)
			f := mustLoad(t, path)
			if st := f.State(); !st.EpochsUnknown || !st.Masters[0].VoteUnknown {
				t.Errorf("epochs unknown %t, vote unknown %t at the first start", st.EpochsUnknown, st.Masters[0].VoteUnknown)
			}
			if err := f.Save(f.State()); err != nil {
				t.Fatal(err)
			}
			if st := mustLoad(t, path).State(); st.EpochsUnknown || !st.Masters[0].VoteUnknown {
				t.Errorf("epochs unknown %t, vote unknown %t after a save", st.EpochsUnknown, st.Masters[0].VoteUnknown)
			}
			st := f.State()
			st.Masters = copied(st.Masters)
			st.Masters[0].VoteUnknown = false
			if err := f.Save(st); err != nil {
				t.Fatal(err)
			}
			if st := mustLoad(t, path).State(); st.Masters[0].VoteUnknown {
				t.Error("a vote that is known is not saved")
			}
		})
	}
}

// TestNoIDNoVotes: a Sentinel that has not lived has not voted.
func TestNoIDNoVotes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sentinel.conf")
	writeText(t, path, strings.Repeat("# new\n", 2)+"sentinel monitor m 127.0.0.1 6379 2\n")
	if st := mustLoad(t, path).State(); st.EpochsUnknown || st.Masters[0].VoteUnknown {
		t.Errorf("epochs unknown %t, vote unknown %t", st.EpochsUnknown, st.Masters[0].VoteUnknown)
	}
}

// TestIDWithoutEpochsIsConverted: such a file, as charts write it, has a
// counterpart in the other format, and the votes stay unknown.
func TestIDWithoutEpochsIsConverted(t *testing.T) {
	conf := "sentinel myid " + string(idA) + "\nsentinel monitor m 127.0.0.1 6379 2\n"
	toml, _, err := convert([]byte(conf), pureSource(FormatConf))
	if err != nil {
		t.Fatal(err)
	}
	back, _, err := convert(toml, pureSource(FormatTOML))
	if err != nil {
		t.Fatal(err)
	}
	for format, text := range map[Format][]byte{FormatTOML: toml, FormatConf: back} {
		if st := mustParse(t, string(text), pureSource(format)).State; st.Options.MyID != idA || !st.Masters[0].VoteUnknown {
			t.Errorf("vote unknown %t in\n%s", st.Masters[0].VoteUnknown, text)
		}
	}
}
