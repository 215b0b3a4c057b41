package session

import "time"

const (
	// defaultStep is purge.step where nobody has set it.
	defaultStep = 2 * time.Millisecond
	// Steps begin small, since nobody knows how fast the upstream is, and are never
	// so large that a single one blocks our own loop.
	firstSize = 100
	minSize   = 10
	maxSize   = 5000
)

// pace finds how much can be asked of the upstream so that it answers in time.
type pace struct {
	target  time.Duration // how long a step may take
	trip    time.Duration // the shortest time from sending to reply: what is not the upstream's work
	count   int           // keys that a SCAN looks at
	batch   int           // keys that a script gets
	steps   int
	longest time.Duration
}

func newPace(target time.Duration) pace {
	if target <= 0 {
		target = defaultStep
	}
	return pace{target: target, trip: time.Hour, count: firstSize, batch: firstSize}
}

// net takes the time of a step and returns the upstream's part of it.
func (p *pace) net(took time.Duration) time.Duration {
	p.trip = min(p.trip, took)
	took -= p.trip
	p.steps++
	p.longest = max(p.longest, took)
	return took
}

// adapt changes a size of which so much was used in a step that took so long. It
// grows only far below the target: twice as much, be it of keys that are more
// work each, is still within twice the target.
func (p *pace) adapt(size *int, used int, took time.Duration) {
	switch {
	case took > p.target:
		*size = max(minSize, int(int64(used)*int64(p.target)/int64(took))*3/4)
	case took < p.target/3 && used == *size:
		*size = min(maxSize, 2**size)
	}
}
