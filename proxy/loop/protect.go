package loop

import (
	"fmt"
	"runtime/debug"
)

// aborter is a connection as seen by the code that ends it for a panic of its handler.
type aborter interface {
	fail(err error)
}

// protect is deferred around calls into other people's code. c is the connection that a panic costs, or nil.
func (l *Loop) protect(c aborter) {
	v := recover()
	if v == nil {
		return
	}
	l.panics.Add(1)
	l.log.Error("a handler panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	if c != nil {
		c.fail(fmt.Errorf("loop: handler panicked: %v", v))
	}
}

// call runs a posted function or a timer's.
func (l *Loop) call(f func()) {
	defer l.protect(nil)
	f()
}

// flush runs one flusher. If that panics and it is the handler of a connection, which is the usual case, the connection goes.
func (l *Loop) flush(f Flusher) {
	done := false
	defer l.protect(nil)
	defer func() {
		if !done {
			l.abortOwner(f)
		}
	}()
	f.Flush()
	done = true
}

// abortOwner ends the connections whose handler is f. It looks at every connection, since panics are rare.
func (l *Loop) abortOwner(f Flusher) {
	h, ok := f.(Handler)
	if !ok {
		return
	}
	defer l.protect(nil) // comparing handlers of a type that can't be compared panics
	err := fmt.Errorf("loop: flush of %T panicked", f)
	l.eachFD(func(c aborter, other Handler) {
		if other == h {
			c.fail(err)
		}
	})
	for p := range l.pumps {
		if p.h == h {
			p.fail(err)
		}
	}
}

// open calls a connection's opener; a panic there leaves no handler, which closes the connection.
func (l *Loop) open(c Conn, open func(Conn) Handler) (h Handler) {
	defer l.protect(nil)
	return open(c)
}

// tellClosed is the last word to a handler. There is no connection left to end if it panics.
func (l *Loop) tellClosed(h Handler, err error) {
	defer l.protect(nil)
	h.Closed(err)
}
