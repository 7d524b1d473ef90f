package fakeredis

// keyCost is roughly the memory that a key takes beyond its bytes: a map slot and
// headers.
const keyCost = 96

// elementCost is the memory that a list element takes beyond its bytes.
const elementCost = 16

// keyspace holds the data. used is an estimate of its memory in bytes, compared
// with maxmemory.
type keyspace struct {
	keys map[string]*value
	used int64
}

// value is what is stored under a key: a string, or a list with at least one
// element.
type value struct {
	str    string
	list   []string
	isList bool
}

func newKeyspace() *keyspace { return &keyspace{keys: make(map[string]*value)} }

// set stores v under key and replaces any existing value. An empty list removes
// the key.
func (k *keyspace) set(key string, v *value) {
	k.del(key)
	if v.isList && len(v.list) == 0 {
		return
	}
	k.keys[key] = v
	k.used += cost(key, v)
}

// push appends elements to the list under key, which it creates if needed, and
// returns its new length.
func (k *keyspace) push(key string, elements []string) int {
	v := k.keys[key]
	if v == nil {
		v = &value{isList: true}
		k.keys[key] = v
		k.used += cost(key, v)
	}
	for _, e := range elements {
		k.used += int64(len(e)) + elementCost
	}
	v.list = append(v.list, elements...)
	return len(v.list)
}

func (k *keyspace) del(key string) bool {
	v, ok := k.keys[key]
	if ok {
		k.used -= cost(key, v)
		delete(k.keys, key)
	}
	return ok
}

func (k *keyspace) clone() *keyspace {
	c := &keyspace{keys: make(map[string]*value, len(k.keys)), used: k.used}
	for key, v := range k.keys {
		// Lists grow in place, so a shared one would let the copy see later
		// elements.
		c.keys[key] = &value{str: v.str, isList: v.isList, list: append([]string(nil), v.list...)}
	}
	return c
}

func cost(key string, v *value) int64 {
	n := int64(len(key)) + int64(len(v.str)) + keyCost
	for _, e := range v.list {
		n += int64(len(e)) + elementCost
	}
	return n
}
