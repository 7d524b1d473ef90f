package words

import "testing"

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 masters", 1: "1 master", 2: "2 masters", -1: "-1 masters"} {
		if got := Count(n, "master"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestListed(t *testing.T) {
	for _, c := range []struct {
		list, word string
		want       bool
	}{{"master,s_down", "s_down", true}, {"master,s_down", "down", false}, {"slave", "slave", true}, {"", "x", false}, {"a,,b", "", true}} {
		if got := Listed(c.list, c.word); got != c.want {
			t.Errorf("%q in %q: %v", c.word, c.list, got)
		}
	}
}
