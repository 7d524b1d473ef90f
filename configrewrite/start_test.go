package configrewrite

import (
	"path/filepath"
	"runtime"
	"testing"
)

// TestManyMastersAreRead: a file with ten times as many masters takes ten times as much
// to read and to check, in both formats, and not a hundred times.
func TestManyMastersAreRead(t *testing.T) {
	const few, many = 40, 400
	for _, name := range []string{"sentinel.conf", "sentinel.toml"} {
		t.Run(name, func(t *testing.T) {
			cost := func(masters int) (bytes, objects uint64) {
				path := filepath.Join(t.TempDir(), name)
				writeText(t, path, "# mine\n")
				if err := mustLoad(t, path).Save(manyMasters(masters)); err != nil {
					t.Fatal(err)
				}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				f := mustLoad(t, path)
				runtime.ReadMemStats(&after)
				if got := len(f.State().Masters); got != masters {
					t.Fatalf("%d masters, want %d", got, masters)
				}
				return after.TotalAlloc - before.TotalAlloc, after.Mallocs - before.Mallocs
			}
			fewBytes, fewObjects := cost(few)
			manyBytes, manyObjects := cost(many)
			t.Logf("%d masters: %d bytes in %d objects; %d masters: %d bytes in %d objects", few, fewBytes, fewObjects, many, manyBytes, manyObjects)
			const most = 2 * many / few
			if manyBytes > most*fewBytes || manyObjects > most*fewObjects {
				t.Errorf("ten times as many masters took %d times the bytes and %d times the objects", manyBytes/fewBytes, manyObjects/fewObjects)
			}
		})
	}
}
