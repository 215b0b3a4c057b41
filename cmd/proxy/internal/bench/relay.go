package bench

import (
	"context"
	"log/slog"

	"github.com/atomicproxy/atomicproxy/proxy/loop"
)

// relay copies bytes between each client and an upstream connection of its own, on one event loop, until ctx ends. It frames
// nothing and shares nothing, so it is what no proxy of this make that gives each client its own connection can be faster than.
func relay(ctx context.Context, listen, upstream string) error {
	ln, err := loop.Listen("tcp", listen, loop.ListenOptions{})
	if err != nil {
		return err
	}
	l, err := loop.New(loop.Options{Log: slog.Default()})
	if err != nil {
		ln.Stop()
		return err
	}
	ln.Start([]*loop.Loop{l}, func(l *loop.Loop, client loop.Conn) loop.Handler {
		a := &copier{conn: client}
		client.Pause() // there is nowhere to send to yet
		l.Dial(loop.Dialer{Network: "tcp", Address: upstream}, func(server loop.Conn, err error) loop.Handler {
			if err != nil {
				client.Close()
				return nil
			}
			if a.gone {
				server.Close()
				return nil
			}
			b := &copier{conn: server, to: a}
			a.to = b
			client.Resume()
			return b
		})
		return a
	})
	stop := context.AfterFunc(ctx, func() { ln.Stop(); l.Stop() })
	defer stop()
	l.Run()
	return nil
}

// copier is one side of a relayed connection.
type copier struct {
	conn loop.Conn
	to   *copier // nil until the upstream is connected
	left []byte  // what came for this side and was not taken
	gone bool
}

// Data passes b on. What the other side does not take is kept, and nothing more is read until it has been.
func (c *copier) Data(b []byte) {
	n := c.to.conn.Write(b)
	if n < len(b) {
		c.to.left = append(c.to.left, b[n:]...)
		c.conn.Pause()
	}
}

// Writable sends what was left.
func (c *copier) Writable() {
	n := c.conn.Write(c.left)
	c.left = c.left[:copy(c.left, c.left[n:])]
	if len(c.left) == 0 && c.to != nil {
		c.to.conn.Resume()
	}
}

// EOF closes both: no client here goes on reading after it has ended its side.
func (c *copier) EOF() {
	c.conn.Close()
	c.end()
}

// Closed closes the other side, too.
func (c *copier) Closed(error) { c.end() }

func (c *copier) end() {
	c.gone = true
	if c.to != nil && !c.to.gone {
		c.to.gone = true
		c.to.conn.Close()
	}
}
