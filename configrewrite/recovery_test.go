package configrewrite

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/gosentinel/sentinel/internal/atomicfile/memdisk"
)

const confPath = "/etc/sentinel.conf"

// TestRecovery: a full disk makes saves fail and loses nothing; when there is
// space again, the next save succeeds.
func TestRecovery(t *testing.T) {
	d := memdisk.New(map[string]string{confPath: "port 5\n"})
	f, err := Loader{StartDir: "/etc", FS: d}.Load(confPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	st := f.State()
	for epoch := range 5 {
		st.CurrentEpoch++
		d.Steps, d.FailAt, d.Err = 0, 3, syscall.ENOSPC
		if err := f.Save(st); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("Save on a full disk: %v", err)
		}
		d.FailAt = 0
		if err := f.Save(st); err != nil {
			t.Fatalf("Save after space returned: %v", err)
		}
		if want := fmt.Sprintf("sentinel current-epoch %d\n", epoch+1); !strings.Contains(string(d.Durable[confPath].Synced), want) {
			t.Fatalf("%q is not durable", want)
		}
	}
}
