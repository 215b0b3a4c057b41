// Package loop runs event loops: sockets, timers and an end-of-batch flush on one goroutine each.
//
//	l, err := loop.New(loop.Options{})
//	ln, err := loop.Listen("tcp", "127.0.0.1:6380", loop.ListenOptions{})
//	ln.Start([]*loop.Loop{l}, func(l *loop.Loop, c loop.Conn) loop.Handler { return &session{c: c} })
//	go l.Run()
//	...
//	ln.Stop(); l.Stop()
//
// # What it promises
//
// Everything that belongs to a loop (its connections, their handlers, its timers, what was posted to it) runs on that
// loop's goroutine, one call at a time, so none of it needs a lock. Nothing that a Conn offers blocks.
//
// A turn is: all events that are ready, then what other goroutines posted, then the timers that are due, then
// the flushes that those asked for. So a handler that collects its output and writes it in Flush writes each connection once a turn.
//
// A connection that isn't read pushes back: a paused one costs no memory, its peer's sends block. A connection gets at most
// one read of the loop's buffer a turn, so one that floods can't starve the others.
//
// What Write took reaches the peer after Close as far as the network allows: a TCP peer that is still sending is read and ignored
// for up to a second after its connection was closed, since closing with unread bytes makes the kernel send a reset that destroys
// what was written.
//
// A handler that panics loses its own connection and nothing else.
//
// # Two transports
//
// On Linux a plain TCP or unix socket is watched by epoll; an idle one holds no buffer and no goroutine. All else (TLS, and
// every connection on other systems) is a net.Conn with two goroutines, which hand bytes to the loop and wait until it has taken
// them. Handlers can't tell the two apart, except that the second sees neither end nor reset while it is paused.
//
// A program should allow the Go runtime more threads (GOMAXPROCS) than it runs loops if it has connections of the second kind or any other
// goroutine that matters: a busy loop keeps its thread to itself.
//
// # What it does not know
//
// It knows no protocol, frames nothing, buffers no output beyond what the second transport has in hand, and has no idle or request timeouts: those are
// the handlers' matter, with Loop.After.
package loop
