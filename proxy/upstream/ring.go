package upstream

// Kind says what becomes of a command's reply.
type Kind uint8

const (
	// Pass: the reply's bytes go to the sink as they are.
	Pass Kind = iota
	// Tx: as Pass, for a whole MULTI … EXEC, which runs whole or not at all.
	Tx
	// Inspect: the reply is given whole to Sink.Answer.
	Inspect
	// Whole: as Inspect, for replies that are long by nature: up to wholeMax.
	Whole
	// Local: nothing was sent; the entry's text is the reply and waits its turn.
	Local
)

// passes reports whether the reply goes to the sink unseen.
func (k Kind) passes() bool { return k == Pass || k == Tx }

// An entry is a run of commands of one sink that stand together in the link's
// buffer and whose replies come one after another.
type entry struct {
	sink  Sink
	text  string // Local: the complete reply
	at    int64  // loop time in nanoseconds when the commands were queued, or first lost
	born  int64  // loop time when they were queued
	bytes int    // length of the commands in Link.buf; 0 for Local and streamed
	n     uint32 // replies still to come
	total uint32 // commands in the run
	kind  Kind
	tag   uint8 // the sink's own mark, handed back with the reply
	// doubtful: a network connection was lost after these commands had been
	// written; they wait to be sent again.
	doubtful bool
	tries    uint8 // connections that these commands were lost with
	once     bool  // never sent again: the greeting of the next connection does it
	streamed bool
	waiting  bool // a connection was lost since the commands were queued
}

// ring is a FIFO of entries in a circular slice that grows by doubling.
type ring struct {
	slots []entry // len is a power of two
	head  uint32
	n     uint32
}

func (r *ring) len() int { return int(r.n) }

// at returns the entry that is i places behind the oldest. i < len.
func (r *ring) at(i int) *entry {
	return &r.slots[(r.head+uint32(i))&uint32(len(r.slots)-1)]
}

func (r *ring) front() *entry {
	if r.n == 0 {
		return nil
	}
	return &r.slots[r.head]
}

func (r *ring) back() *entry {
	if r.n == 0 {
		return nil
	}
	return r.at(int(r.n) - 1)
}

// push adds a slot at the end. The caller fills every field of it.
func (r *ring) push() *entry {
	if int(r.n) == len(r.slots) {
		r.grow()
	}
	e := r.at(int(r.n))
	r.n++
	return e
}

func (r *ring) pop() {
	r.slots[r.head] = entry{} // lets go of the sink
	r.head = (r.head + 1) & uint32(len(r.slots)-1)
	r.n--
}

func (r *ring) grow() {
	size := max(16, 2*len(r.slots))
	slots := make([]entry, size)
	for i := range int(r.n) {
		slots[i] = *r.at(i)
	}
	r.slots, r.head = slots, 0
}
