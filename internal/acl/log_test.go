package acl

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var testTime = time.Date(2024, 5, 17, 12, 0, 0, 0, time.UTC)

// logText shows the entries without times.
func logText(l *List) string {
	var list []string
	for _, e := range l.Log(100) {
		list = append(list, fmt.Sprintf("%d:%dx %v %s %s %s", e.ID, e.Count, e.Reason, e.Object, e.User, e.ClientInfo))
	}
	return strings.Join(list, "\n")
}

func TestLog(t *testing.T) {
	l := newList(t, Options{LogMaxEntries: 128})
	at := func(seconds float64) time.Time {
		return testTime.Add(time.Duration(seconds * float64(time.Second)))
	}
	l.LogAuthFailure(at(0), "AUTH", "bob", "c1")
	l.LogDenial(at(1), Denial{Reason: DeniedCommand, Object: "ping", User: "bob"}, "c2")
	l.LogDenial(at(2), Denial{Reason: DeniedChannel, Object: "ping", User: "bob"}, "c3")
	l.LogDenial(at(3), Denial{}, "nothing was denied")
	l.LogAuthFailure(at(60), "AUTH", "bob", "c4")    // 60 s after the first: the same entry
	l.LogAuthFailure(at(120.1), "AUTH", "bob", "c5") // 60.1 s after that: a new entry
	l.LogAuthFailure(at(121), "auth", "bob", "c6")   // logged as typed, so a new entry
	l.LogAuthFailure(at(122), "AUTH", "eve", "c7")
	l.LogAuthFailure(at(100), "AUTH", "bob", "c8") // a clock that was set back
	want := `3:2x auth AUTH bob c8
5:1x auth AUTH eve c7
4:1x auth auth bob c6
0:2x auth AUTH bob c4
2:1x channel ping bob c3
1:1x command ping bob c2`
	if got := logText(l); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	e := l.Log(4)[3]
	if !e.Created.Equal(at(0)) || !e.Updated.Equal(at(60)) || e.Age(at(61.5)) != 1500*time.Millisecond {
		t.Errorf("%+v", e)
	}
	for most, n := range map[int]int{-1: 0, 0: 0, 2: 2, 6: 6, 7: 6} {
		if got := len(l.Log(most)); got != n {
			t.Errorf("Log(%d) has %d entries", most, got)
		}
	}
	l.ResetLog()
	l.LogAuthFailure(at(123), "AUTH", "bob", "c9")
	if got := logText(l); got != "6:1x auth AUTH bob c9" {
		t.Errorf("after a reset: %s", got)
	}
}

func TestLogGroupsRecentEntriesOnly(t *testing.T) {
	l := newList(t, Options{LogMaxEntries: 128})
	for i := range 11 {
		l.LogAuthFailure(testTime, "AUTH", fmt.Sprint("u", i), "")
	}
	l.LogAuthFailure(testTime, "AUTH", "u1", "") // the tenth from the top
	l.LogAuthFailure(testTime, "AUTH", "u0", "") // the eleventh
	var counts []uint64
	for _, e := range l.Log(100) {
		counts = append(counts, e.Count)
	}
	if !slices.Equal(counts, []uint64{1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}) {
		t.Error(counts)
	}
}

func TestLogIsBounded(t *testing.T) {
	for _, most := range []int{-1, 0, 1, 3} {
		l := newList(t, Options{LogMaxEntries: most})
		for i := range 1000 {
			l.LogDenial(testTime, Denial{Reason: DeniedChannel, Object: fmt.Sprint(i, strings.Repeat("x", 5000)), User: strings.Repeat("u", 5000)}, strings.Repeat("c", 5000))
		}
		entries := l.Log(100)
		if len(entries) != max(0, most) || cap(l.log.entries) > 64 {
			t.Errorf("limit %d: %d entries, room for %d", most, len(entries), cap(l.log.entries))
		}
		for i, e := range entries {
			if e.ID != uint64(999-i) || len(e.Object) != 1024 || len(e.User) != 1024 || len(e.ClientInfo) != 1024 || !strings.HasSuffix(e.Object, "x...") {
				t.Errorf("limit %d: entry %d: %d, %.20s", most, i, e.ID, e.Object)
			}
		}
	}
}

func TestGeneratePassword(t *testing.T) {
	for bits, digits := range map[int]int{1: 1, 4: 1, 5: 2, 8: 2, 9: 3, DefaultPasswordBits: 64, 4095: 1024, 4096: 1024} {
		p, err := GeneratePassword(bits)
		if err != nil || len(p) != digits || strings.Trim(p, "0123456789abcdef") != "" {
			t.Errorf("%d bits: %q, %v", bits, p, err)
		}
	}
	for _, bits := range []int{-1, 0, 4097} {
		if p, err := GeneratePassword(bits); err != ErrPasswordBits || p != "" {
			t.Errorf("%d bits: %q, %v", bits, p, err)
		}
	}
	one, _ := GeneratePassword(256)
	two, _ := GeneratePassword(256)
	if one == two {
		t.Error("two passwords are the same")
	}
}
