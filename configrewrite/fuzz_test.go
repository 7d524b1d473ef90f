package configrewrite

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func fuzzSource(format Format) Source {
	src := pureSource(format)
	src.Resolve = func(string) (string, error) { return "10.9.9.9", nil }
	src.Include = func(string) ([]Included, error) { return nil, nil }
	return src
}

// oddSeeds are texts as editors and other systems leave them.
var oddSeeds = []string{
	"\ufeffport 5\r\n\ufeffsentinel\tmonitor\t'm'\t10.0.0.1 6379 2 \r\n\f\n\v\n# c\rport 6\n", "\ufeff\ufeff# c\n\ufeff\n",
	"port\u00a05\nrequirepass “x”\nsentinel announce-ip \" 10.0.0.1\"\nsentinel announce-ip 0.0.0.0\n", "requirepass\nx\nuser a \\\non\n",
	"\ufeff[server]\r\nport == 5\r\n\u00a0bind = x\r\n", "\xff\xfep\x00",
	"sentinel monitor m 10.0.0.1 6379 2\nsentinel parallel-syncs m 1\nsentinel failover-timeout m 180000\nsentinel announce-port 0\nsentinel auth-pass m \"\"\n",
}

// seedTexts adds the inputs of the golden scripts to a corpus, files from the
// field, and odd texts.
func seedTexts(f *testing.F, add func(text string)) {
	f.Helper()
	for _, text := range oddSeeds {
		add(text)
	}
	field, err := filepath.Glob("testdata/field/*.conf")
	if err != nil || len(field) == 0 {
		f.Fatalf("no files from the field: %v", err)
	}
	for _, name := range field {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		add(string(data))
	}
	files, err := filepath.Glob("testdata/golden/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("no golden scripts: %v", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for script := range strings.SplitSeq(string(data), "\n\n") {
			if _, text, ok := strings.Cut(script, "\n"); ok {
				text, _, _ = strings.Cut(text, "----\n")
				add(text)
			}
		}
	}
}

// FuzzParseConf: whatever parses can be written and means the same afterwards.
func FuzzParseConf(f *testing.F) {
	seedTexts(f, func(text string) { f.Add([]byte(text)) })
	f.Fuzz(func(t *testing.T, text []byte) { checkReparse(t, text, fuzzSource(FormatConf)) })
}

// FuzzParseTOML is FuzzParseConf for the other format.
func FuzzParseTOML(f *testing.F) {
	seedTexts(f, func(text string) { f.Add([]byte(text)) })
	f.Fuzz(func(t *testing.T, text []byte) { checkReparse(t, text, fuzzSource(FormatTOML)) })
}

func checkReparse(t *testing.T, text []byte, src Source) {
	doc, err := Parse(text, src)
	if err != nil {
		return
	}
	checkLaws(t, doc, text, doc.State)
	again, err := Parse(doc.Render(text, doc.State), src)
	if err != nil {
		t.Fatalf("what was written does not load: %v\n%s", err, doc.Render(text, doc.State))
	}
	want := fileState(doc.State)
	if err := compareStates(again.State, want, FormatTOML); err != nil {
		t.Fatalf("%v\n%s\nwant\n%s\ngot\n%s", err, doc.Render(text, doc.State), describe(want), describe(again.State))
	}
}

// FuzzRender: any state goes into any file, whatever became of it meanwhile.
func FuzzRender(f *testing.F) {
	n := uint64(0)
	seedTexts(f, func(text string) {
		n++
		f.Add([]byte(text), n, n%2 == 0)
	})
	f.Fuzz(func(t *testing.T, current []byte, seed uint64, inTOML bool) {
		format := FormatConf
		if inTOML {
			format = FormatTOML
		}
		doc, err := Parse(nil, fuzzSource(format))
		if err != nil {
			t.Fatal(err)
		}
		checkLaws(t, doc, current, randomState(rand.New(rand.NewPCG(seed, 3)), format))
	})
}
