package commands

// Index finds values by command names, in any letter case and without allocating. It is an open-addressed hash table: a Go
// map costs twice the time here, and this is on the way of every command. It does not change once made.
type Index[T any] struct {
	slots []slot[T] // at least four times as many as names, so that a probe rarely meets a neighbour; a power of two
	most  int       // bytes of the longest name
}

type slot[T any] struct {
	name  string // lower case; "": free
	value T
}

// NewIndex makes an index of lower-case names, none of them empty.
func NewIndex[T any](values map[string]T) *Index[T] {
	size := 64
	for size < 4*len(values) {
		size *= 2
	}
	x := &Index[T]{slots: make([]slot[T], size)}
	for name, value := range values {
		i := hashFold([]byte(name)) & uint32(size-1)
		for x.slots[i].name != "" {
			i = (i + 1) & uint32(size-1)
		}
		x.slots[i] = slot[T]{name, value}
		x.most = max(x.most, len(name))
	}
	return x
}

// Find returns the value of a name, in any letter case. A name with a NUL byte is none that was put in, although a server may
// take it for the name before the NUL.
func (x *Index[T]) Find(name []byte) (value T, ok bool) {
	if len(name) == 0 || len(name) > x.most {
		return value, false
	}
	mask := uint32(len(x.slots) - 1)
	for i := hashFold(name) & mask; ; i = (i + 1) & mask {
		s := &x.slots[i]
		if s.name == "" {
			return value, false
		}
		if equalFold(name, s.name) {
			return s.value, true
		}
	}
}
