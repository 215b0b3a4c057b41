package loop

import "errors"

// ErrStopped is what Closed gets for a connection that was open when its loop was stopped.
var ErrStopped = errors.New("loop: stopped")

// Handler is told what happens on one connection, always on the loop's goroutine and never from within a method of
// the Conn. After Conn.Close none of its methods is called any more.
type Handler interface {
	// Data brings bytes that were read, never none. b is valid only until Data returns.
	Data(b []byte)

	// Writable says that a transport that took less than it was given can take more.
	Writable()

	// EOF says that the peer ended its sending side. It is called once. The connection can still be written to and must
	// still be closed. While reading is paused EOF may come before all bytes were read: those come with Resume, as Data.
	EOF()

	// Closed says that the connection failed (reset, write error, TLS error, a panic of the handler, the end of the loop) and is gone.
	// It is called once, and never after Close.
	Closed(err error)
}

// DrainHandler is what a Handler may implement as well if it pauses: since EOF can overtake bytes that a paused
// connection left unread, Drained says, once, that nothing more will come. It follows EOF at once where nothing was left.
type DrainHandler interface {
	Drained()
}

// Conn is a connection of a loop. Its methods may be called on the loop's goroutine only.
type Conn interface {
	// Write offers b and returns how many of its bytes the transport took; it keeps no reference to b and never blocks.
	// If that is less than len(b), Writable follows; until then Write takes nothing. One call takes at most 1 MiB, so that one huge
	// reply does not hold up the others. A failure is reported by Closed, later in the same turn or in another one;
	// on a connection that has failed, or was closed or half closed, Write takes and drops all of b.
	Write(b []byte) int

	// Pause stops reading: no Data comes, and once the kernel's buffers are full the peer can't send. A reset is still
	// noticed (Closed), and so is the peer's end (EOF), where the connection is watched by epoll.
	Pause()

	// Resume ends Pause. Data comes from the loop, not from within Resume.
	Resume()

	// CloseWrite ends our sending side where the transport can; what Write took is sent before.
	CloseWrite()

	// Close ends the connection; it may be called more than once. What Write took is still sent, for up to 5 s where that
	// is not the kernel's business. What Write did not take is the caller's to lose.
	Close()

	// RemoteAddr and LocalAddr are as in package net; LocalAddr is "" if it was not asked for before the connection ended.
	RemoteAddr() string
	LocalAddr() string
}

// Flusher is what Loop.Defer takes.
type Flusher interface {
	Flush()
}
