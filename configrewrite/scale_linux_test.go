package configrewrite

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestParseIsLinear: ten times as many masters take ten times as long to read, not a
// hundred times. Only the processor time of this thread counts.
func TestParseIsLinear(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for format, text := range map[Format]func(masters int) string{
		FormatConf: func(masters int) (text string) {
			for i := range masters {
				text += fmt.Sprintf("sentinel monitor m%d 10.0.0.1 %d 2\nsentinel down-after-milliseconds m%[1]d 5000\n", i, i+1)
			}
			return text
		},
		FormatTOML: func(masters int) (text string) {
			for i := range masters {
				text += fmt.Sprintf("[[master]]\nname = \"m%d\"\nhost = \"10.0.0.1\"\nport = %d\nquorum = 2\ndown-after = \"5s\"\n", i, i+1)
			}
			return text
		},
	} {
		took := func(masters int) time.Duration {
			text := text(masters)
			least := time.Duration(1 << 62)
			for range 3 {
				before := threadTime(t)
				mustParse(t, text, pureSource(format))
				least = min(least, threadTime(t)-before)
			}
			return least
		}
		if few, many := took(50), took(500); many > 40*few {
			t.Errorf("format %d: 50 masters took %v, 500 took %v", format, few, many)
		}
	}
}

func threadTime(t *testing.T) time.Duration {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}
