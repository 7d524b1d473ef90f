package ordered

import (
	"iter"
	"maps"
	"slices"
)

// Map maps words to values. The zero value is empty. It may be read by several
// goroutines at once, and changed only while no other uses it.
type Map[V any] struct {
	words []string // with gaps where words were removed
	at    map[string]place[V]
}

// place says where in words a word is, and what it maps to.
type place[V any] struct {
	index int
	value V
}

// Len returns the number of words.
func (o *Map[V]) Len() int { return len(o.at) }

// Get returns the value of a word, and false when it is not there.
func (o *Map[V]) Get(word string) (v V, ok bool) {
	p, ok := o.at[word]
	return p.value, ok
}

// Has reports whether a word is there.
func (o *Map[V]) Has(word string) bool {
	_, ok := o.at[word]
	return ok
}

// Put adds a word at the end, or gives a word that is there another value.
func (o *Map[V]) Put(word string, v V) {
	p, ok := o.at[word]
	if !ok {
		if o.at == nil {
			o.at = map[string]place[V]{}
		}
		p.index = len(o.words)
		o.words = append(o.words, word)
	}
	o.at[word] = place[V]{p.index, v}
}

// Remove removes a word and reports whether it was there.
func (o *Map[V]) Remove(word string) bool {
	p, ok := o.at[word]
	if !ok {
		return false
	}
	o.words[p.index] = "" // to be freed
	delete(o.at, word)
	if len(o.words) > 2*len(o.at)+16 { // mostly gaps
		kept := make([]string, 0, len(o.at))
		for word, v := range o.All() {
			o.at[word] = place[V]{len(kept), v}
			kept = append(kept, word)
		}
		o.words = kept
	}
	return true
}

// All yields the words in order, with their values.
func (o *Map[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for i, word := range o.words {
			if p, ok := o.at[word]; ok && p.index == i && !yield(word, p.value) {
				return
			}
		}
	}
}

// List returns the words in order.
func (o *Map[V]) List() []string {
	list := make([]string, 0, len(o.at))
	for word := range o.All() {
		list = append(list, word)
	}
	return list
}

// Clone returns a copy that changes by itself.
func (o *Map[V]) Clone() Map[V] { return Map[V]{slices.Clone(o.words), maps.Clone(o.at)} }
