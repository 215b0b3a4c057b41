package loop

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

const defaultDialTimeout = 10 * time.Second

// Dialer says what to connect to.
type Dialer struct {
	Network string        // "tcp", "tcp4", "tcp6" or "unix"
	Address string        // as for net.Dial
	Timeout time.Duration // for resolving, connecting and the TLS handshake together. 0: 10 s
	TLS     *tls.Config   // nil: plain. Without a ServerName, the address's host is verified
}

// Dial connects on a goroutine of its own and adopts the connection, as Adopt does. open gets it, or the error, for which its result is
// ignored. cancel prevents that: after it open is not called, and a connection made meanwhile is closed. Once open was called cancel does
// nothing. When the loop stops, open is not called any more. Dial and cancel: loop goroutine only.
func (l *Loop) Dial(d Dialer, open func(Conn, error) Handler) (cancel func()) {
	if l.closing {
		return func() {}
	}
	if d.Timeout <= 0 {
		d.Timeout = defaultDialTimeout
	}
	dl := &dialing{l: l, d: d, open: open}
	var ctx context.Context
	ctx, dl.stop = context.WithTimeout(l.ctx, d.Timeout)
	l.workers.Add(1)
	go dl.run(ctx)
	return dl.cancel
}

// dialing is one Dial.
type dialing struct {
	l         *Loop
	d         Dialer
	open      func(Conn, error) Handler
	stop      context.CancelFunc
	cancelled bool // the loop's
}

// run is the goroutine.
func (dl *dialing) run(ctx context.Context) {
	defer dl.l.workers.Done()
	nc, err := dl.connect(ctx)
	dl.stop()
	if !dl.l.Post(func() { dl.arrive(nc, err) }) && nc != nil {
		nc.Close()
	}
}

func (dl *dialing) connect(ctx context.Context) (net.Conn, error) {
	// Keepalive is set once the connection is adopted or, for the pumped ones, here.
	d := net.Dialer{KeepAliveConfig: keepAlive}
	nc, err := d.DialContext(ctx, dl.d.Network, dl.d.Address)
	if err != nil || dl.d.TLS == nil {
		return nc, err
	}
	conf := dl.d.TLS
	if conf.ServerName == "" && !conf.InsecureSkipVerify {
		host, _, err := net.SplitHostPort(dl.d.Address)
		if err != nil {
			host = dl.d.Address
		}
		conf = conf.Clone()
		conf.ServerName = host
	}
	tc := tls.Client(nc, conf)
	if err := tc.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	return tc, nil
}

// arrive is run's result, on the loop.
func (dl *dialing) arrive(nc net.Conn, err error) {
	switch {
	case dl.cancelled || dl.l.stopping.Load():
		if nc != nil {
			nc.Close()
		}
	case err != nil:
		dl.open(nil, err)
	default:
		dl.l.Adopt(nc, func(c Conn) Handler { return dl.open(c, nil) })
	}
}

func (dl *dialing) cancel() {
	dl.cancelled = true
	dl.stop()
}
