package loop

import (
	"context"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const defaultReadBuffer = 64 << 10

// epoch is where Now counts from; a common one, so that the times of several loops can be compared.
var epoch = time.Now()

func clock() int64 { return int64(time.Since(epoch)) }

// Options configure a Loop.
type Options struct {
	ReadBuffer int          // bytes; the most that one Data brings. 0: 64 KiB
	Log        *slog.Logger // nil: slog.Default()
}

// Loop is an event loop. Methods that say so may be called on any goroutine, the others only on the loop's own, that is from handlers,
// flushers, timers and posted functions.
type Loop struct {
	poll poller // the system's part
	log  *slog.Logger
	buf  []byte // every connection on epoll is read into it

	now      int64
	timers   timerHeap
	deferred []Flusher
	failures []failure
	closing  bool // everything has been closed or is about to be; nothing new is opened

	pumps   map[*pumpConn]struct{} // those whose goroutines live
	workers sync.WaitGroup         // goroutines of pumps and dials
	ctx     context.Context        // ends with the loop; dials live under it
	cancel  context.CancelFunc

	mu        sync.Mutex // over posted, running and ended
	posted    []func()
	running   bool
	ended     bool // Post is refused
	spare     []func()
	hasPosted atomic.Bool // lets a turn see without the lock that nothing was posted
	sleeping  atomic.Bool // the loop is about to block and needs a wake-up
	stopping  atomic.Bool

	load   atomic.Int64 // open connections, and those on their way here
	panics atomic.Uint64
}

// failure is a failed write that is still to be reported.
type failure struct {
	c   interface{ failNow(err error) }
	err error
}

// New makes a loop that waits for Run. The error is the system's, for want of descriptors.
func New(o Options) (*Loop, error) {
	l := &Loop{log: o.Log, pumps: make(map[*pumpConn]struct{}), now: clock()}
	if l.log == nil {
		l.log = slog.Default()
	}
	if o.ReadBuffer <= 0 {
		o.ReadBuffer = defaultReadBuffer
	}
	l.buf = make([]byte, o.ReadBuffer)
	l.ctx, l.cancel = context.WithCancel(context.Background())
	if err := l.poll.open(); err != nil {
		return nil, err
	}
	return l, nil
}

// Run runs the loop until Stop. The calling goroutine is locked to its thread meanwhile. When it returns, all connections are closed and all
// goroutines of the loop have ended. It may be called once.
func (l *Loop) Run() {
	l.mu.Lock()
	if l.running {
		l.mu.Unlock()
		return
	}
	l.running = true
	l.mu.Unlock()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	busy := true
	for !l.stopping.Load() {
		busy = l.turn(busy)
	}
	l.shutdown()
}

// turn does one batch, and says whether there was anything to do. After a turn that had something, looking again without
// blocking is cheaper than a sleep that would be cut short.
func (l *Loop) turn(busy bool) bool {
	n := 0
	if busy {
		n = l.poll.ready()
	}
	if n == 0 && !l.hasPosted.Load() {
		n = l.sleep()
	}
	l.now = clock()
	if n > 0 {
		l.dispatch(n)
	}
	posted := l.runPosted()
	l.fire()
	l.settle()
	return n > 0 || posted
}

// sleep blocks until an event, a wake-up or the next timer. Declaring the sleep before looking at the queue, while Post does it
// the other way round, is what makes sure that one of the two sees the other.
func (l *Loop) sleep() int {
	timeout := time.Duration(-1)
	if len(l.timers.heap) > 0 {
		timeout = max(0, time.Duration(l.timers.heap[0].when-clock()))
	}
	l.sleeping.Store(true)
	defer l.sleeping.Store(false)
	if l.hasPosted.Load() || l.stopping.Load() {
		return 0
	}
	return l.poll.wait(timeout)
}

// Post has f called on the loop, after the events of a turn and in the order of the calls. It reports whether f will be called: false
// means that the loop has ended. Any goroutine.
func (l *Loop) Post(f func()) bool {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return false
	}
	l.posted = append(l.posted, f)
	l.hasPosted.Store(true)
	l.wake()
	l.mu.Unlock()
	return true
}

// wake ends the loop's sleep. The caller holds mu and has seen that the loop hasn't ended: afterwards the descriptor to wake it by
// may be somebody else's.
func (l *Loop) wake() {
	if l.sleeping.Load() && l.sleeping.CompareAndSwap(true, false) {
		l.poll.wake()
	}
}

// runPosted runs what is queued by now; what those functions post waits for the next turn.
func (l *Loop) runPosted() bool {
	if !l.hasPosted.Load() {
		return false
	}
	l.mu.Lock()
	batch := l.posted
	l.posted = l.spare[:0]
	l.hasPosted.Store(false)
	l.mu.Unlock()
	for _, f := range batch {
		l.call(f)
	}
	clear(batch)
	l.spare = batch
	return true
}

// Stop ends the loop: Run closes what is open (handlers get Closed with ErrStopped) and returns. What was posted before still
// runs; timers don't. A pumped connection has one second to send what it has taken. Stop does not wait; any goroutine, as often as one likes.
func (l *Loop) Stop() {
	l.mu.Lock()
	l.stopping.Store(true)
	never := !l.running
	l.running = true // so that two Stops, or a Stop and a Run, don't both end it
	if !l.ended {
		l.wake()
	}
	l.mu.Unlock()
	if never {
		l.shutdown()
	}
}

// Now is the time at the start of this turn in nanoseconds, monotonic, counted from the start of the program.
func (l *Loop) Now() int64 { return l.now }

// Panics is how many panics of handlers and other callbacks were survived. Any goroutine.
func (l *Loop) Panics() uint64 { return l.panics.Load() }

// Defer has f.Flush called once at the end of this batch. A Flush may Defer others, which run in the same batch; one that
// defers itself again and again would never let the batch end. Callers keep a flag if they don't want two calls.
func (l *Loop) Defer(f Flusher) { l.deferred = append(l.deferred, f) }

// settle ends a batch: flushes, then the writes that failed, and again while those bring more.
func (l *Loop) settle() {
	for i := 0; i < len(l.deferred) || len(l.failures) > 0; {
		for ; i < len(l.deferred); i++ {
			l.flush(l.deferred[i])
		}
		failed := l.failures
		l.failures = nil
		for _, f := range failed {
			f.c.failNow(f.err)
		}
	}
	clear(l.deferred)
	l.deferred = l.deferred[:0]
}

// Adopt takes nc over, and calls open, before it returns, for the handler of what nc has become; open may already write. A nil handler closes the
// connection. On Linux a *net.TCPConn or *net.UnixConn goes to epoll, with TCP_NODELAY and a keepalive of 300 s; any other is
// pumped. The caller must not use nc afterwards. On a loop that has ended nc is closed and open is not called.
func (l *Loop) Adopt(nc net.Conn, open func(Conn) Handler) {
	if l.closing {
		nc.Close()
		return
	}
	if l.adoptFD(nc, open) {
		return
	}
	l.pump(nc, open)
}

// shutdown ends the loop. It runs on the loop's goroutine, or on Stop's if there never was one.
func (l *Loop) shutdown() {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.runPosted()
	l.closing = true
	l.cancel()
	l.closeFDs()
	l.stopPumps()
	l.settle()
	l.poll.close()
}
