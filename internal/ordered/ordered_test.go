package ordered

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestLikeASlice compares a Map with the obvious slice through random changes.
func TestLikeASlice(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var m Map[int]
	var want []string
	values := map[string]int{}
	for step := range 4000 {
		word := fmt.Sprint(rng.IntN(50))
		at := slices.Index(want, word)
		if rng.IntN(3) > 0 && step%400 < 200 {
			m.Put(word, step)
			values[word] = step
			if at < 0 {
				want = append(want, word)
			}
		} else if m.Remove(word) != (at >= 0) {
			t.Fatalf("step %d: removing %s: it was there: %v", step, word, at >= 0)
		} else if at >= 0 {
			want = slices.Delete(want, at, at+1)
		}
		if got := m.List(); !slices.Equal(got, want) || m.Len() != len(want) {
			t.Fatalf("step %d: %v, want %v", step, got, want)
		}
		for word, v := range m.All() {
			if v != values[word] || !m.Has(word) {
				t.Fatalf("step %d: %s is %d, want %d", step, word, v, values[word])
			}
		}
	}
}

// TestCloneIsApart: a clone does not see later changes, nor its origin those of
// the clone.
func TestCloneIsApart(t *testing.T) {
	var m Map[int]
	m.Put("a", 1)
	c := m.Clone()
	m.Put("a", 2)
	m.Put("b", 2)
	c.Remove("a")
	c.Put("c", 3)
	if got, ok := m.Get("a"); got != 2 || !ok || fmt.Sprint(m.List(), c.List()) != "[a b] [c]" {
		t.Errorf("%v and %v", m.List(), c.List())
	}
}

// TestGapsAreClosed: what was removed takes no memory for ever.
func TestGapsAreClosed(t *testing.T) {
	var m Map[int]
	for i := range 10000 {
		m.Put(fmt.Sprint(i), i)
		m.Remove(fmt.Sprint(i))
	}
	if len(m.words) > 100 {
		t.Errorf("%d places for %d words", len(m.words), m.Len())
	}
}
