package monitor

// table finds things by ids that are given out one after the other and never
// again. Whatever arrives names a connection and an instance by their ids, so it
// is asked for every input, and nobody outside chooses an id: one multiplication
// spreads them well enough, where a map would compute a hash that strangers cannot
// foresee. The zero value is an empty table; 0 is not an id.
type table[K ~uint64, V any] struct {
	cells []cell[K, V] // 1 << bits, at most half of them in use
	bits  int
	n     int
}

type cell[K ~uint64, V any] struct {
	id    K // 0: free
	value V
}

// home is the cell at which the search for id begins. The multiplier is the golden
// ratio, which keeps the multiples of all ids that follow each other apart.
func (t *table[K, V]) home(id K) int {
	return int(uint64(id) * 0x9e3779b97f4a7c15 >> (64 - t.bits))
}

// place returns the cell of id, or the free one where the search for it ends.
func (t *table[K, V]) place(id K) int {
	k := t.home(id)
	for t.cells[k].id != id && t.cells[k].id != 0 {
		k = (k + 1) & (len(t.cells) - 1)
	}
	return k
}

// get returns what put has stored, or the zero V.
func (t *table[K, V]) get(id K) (value V) {
	if t.n > 0 {
		value = t.cells[t.place(id)].value // that of a free cell is zero
	}
	return value
}

func (t *table[K, V]) put(id K, value V) {
	if 2*(t.n+1) > len(t.cells) {
		t.grow()
	}
	c := &t.cells[t.place(id)]
	if c.id == 0 {
		t.n++
	}
	c.id, c.value = id, value
}

func (t *table[K, V]) grow() {
	old := t.cells
	t.bits = max(4, t.bits+1)
	t.cells = make([]cell[K, V], 1<<t.bits)
	for _, c := range old {
		if c.id != 0 {
			t.cells[t.place(c.id)] = c
		}
	}
}

func (t *table[K, V]) remove(id K) {
	if t.n == 0 {
		return
	}
	free := t.place(id)
	if t.cells[free].id == 0 {
		return
	}
	t.n--
	// What stands behind the hole, and whose search would end there, moves into it.
	mask := len(t.cells) - 1
	for k := (free + 1) & mask; t.cells[k].id != 0; k = (k + 1) & mask {
		if home := t.home(t.cells[k].id); (k-home)&mask >= (k-free)&mask {
			t.cells[free] = t.cells[k]
			free = k
		}
	}
	t.cells[free] = cell[K, V]{}
}
