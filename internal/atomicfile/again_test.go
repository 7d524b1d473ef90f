package atomicfile

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestReadAgain: only a file that holds exactly what was written last is taken for it,
// whatever its size and times are.
func TestReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	last := bytes.Repeat([]byte("0123456789abcde\n"), compared/8)
	changed := func(at int) []byte {
		text := bytes.Clone(last)
		text[at] = 'X'
		return text
	}
	for name, text := range map[string][]byte{
		"same": last, "longer": append(bytes.Clone(last), 'x'), "shorter": last[:len(last)-1], "empty": {},
		"first byte": changed(0), "last byte": changed(len(last) - 1), "in the middle": changed(compared),
	} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if (Disk{}).Holds(path, last) != (name == "same") {
			t.Errorf("%s: Holds is wrong", name)
		}
		got, seen, _, err := ReadAgain(Disk{}, path, last)
		if err != nil || !bytes.Equal(got, text) || !seen.still(Disk{}) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if (Disk{}).Holds(path+"x", nil) || (Disk{}).Holds(filepath.Dir(path), nil) {
		t.Error("what is not a file holds nothing")
	}
}
