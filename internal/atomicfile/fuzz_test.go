package atomicfile_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/internal/atomicfile"
)

// FuzzRecover: any bytes are recovered without harm, once and for all; and content
// that was written in place into any file comes back.
func FuzzRecover(f *testing.F) {
	d := mounted(oldContent)
	w := writerOn(d)
	for _, v := range versions {
		if err := w.Write([]byte(v), nil); err != nil {
			f.Fatal(err)
		}
		f.Add(d.Entries[target].Data, []byte(v))
	}
	d.FailAt, d.Crash = d.Steps+6, true
	losesPower(func() { _ = w.Write([]byte(newContent), nil) })
	f.Add(d.Entries[target].Data, []byte(newContent))
	f.Fuzz(func(t *testing.T, file, content []byte) {
		once, _ := atomicfile.Recover(file)
		if twice, _ := atomicfile.Recover(once); !bytes.Equal(once, twice) && !strings.Contains(string(file), "#>") {
			t.Fatalf("%q becomes %q and then %q", file, once, twice)
		}
		if strings.Contains(string(content), "#") {
			return // it may hold lines of ours
		}
		d := mounted(string(file))
		if err := writerOn(d).Write(content, nil); err != nil {
			t.Fatal(err)
		}
		if got := recovered(string(d.Entries[target].Data)); strings.TrimSuffix(got, "\n") != strings.TrimSuffix(string(content), "\n") {
			t.Fatalf("%q was written into %q, and comes back as %q", content, file, got)
		}
	})
}
