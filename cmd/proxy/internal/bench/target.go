package bench

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// Targets, by the names that --peers and reports use.
const (
	Direct    = "direct"
	Proxy     = "proxy"
	HAProxy   = "haproxy"
	Twemproxy = "twemproxy"
	Copy      = "copy"
)

// ability is what a case needs of its target.
type ability uint8

const (
	canTx     ability = 1 << iota // MULTI
	canPubSub                     // SUBSCRIBE
	canTLS
	canIdle // 10,000 clients within the descriptors that it has
)

// target is something that clients connect to.
type target struct {
	name     string
	addr     string
	tlsAddr  string   // "": no TLS
	proc     *process // nil for direct: the server is not counted twice
	can      ability
	replaces bool // takes the proxy's own commands
}

func (t *target) has(a ability) bool { return t.can&a == a }

// lab is everything that a run has started.
type lab struct {
	dir     string
	opts    *Options
	files   int // descriptors that a process may have
	server  *process
	redis   string // the server's address
	tls     string // "": it takes no TLS
	version string
	targets []*target // direct first
	notes   []string
	procs   []*process
}

// close ends the children and removes their files.
func (l *lab) close() {
	for _, p := range l.procs {
		p.stop()
	}
	os.RemoveAll(l.dir)
}

func (l *lab) note(format string, args ...any) {
	l.notes = append(l.notes, fmt.Sprintf(format, args...))
}

// start runs a child and waits until it answers at addr.
func (l *lab) start(ctx context.Context, addr, name, path string, args ...string) (*process, error) {
	p, err := spawn(l.dir, name, path, args...)
	if err != nil {
		return nil, err
	}
	l.procs = append(l.procs, p)
	return p, p.answers(ctx, addr)
}

// open starts the server and all targets that o names and the machine has. The caller closes it, also after an error.
func (l *lab) open(ctx context.Context) error {
	if err := makeCertificate(l.dir); err != nil {
		return err
	}
	l.files = allowFiles()
	if err := l.openServer(ctx); err != nil {
		return err
	}
	for _, name := range l.opts.Peers {
		if name == Direct {
			continue // is there already
		}
		open, ok := openers[name]
		if !ok {
			return fmt.Errorf("no such target: %s", name)
		}
		if err := open(l, ctx); err != nil {
			if name == Proxy {
				return err
			}
			l.note("%s is left out: %v.", name, err)
		}
	}
	return nil
}

var openers = map[string]func(*lab, context.Context) error{
	Proxy: (*lab).openProxy, HAProxy: (*lab).openHAProxy, Twemproxy: (*lab).openTwemproxy, Copy: (*lab).openCopy,
}

func (l *lab) openServer(ctx context.Context) error {
	path := l.opts.Server
	if path == "" {
		var err error
		if path, err = find("redis-server"); err != nil {
			return fmt.Errorf("redis-server: %w", err)
		}
	}
	addr, secure, err := freeAddrs()
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(addr)
	_, tlsPort, _ := net.SplitHostPort(secure)
	args := []string{"--bind", "127.0.0.1", "--port", port, "--dir", l.dir, "--save", "", "--appendonly", "no", "--maxclients", "15000",
		"--client-output-buffer-limit", "pubsub 0 0 0"} // a subscriber that lags is to be measured, not cut off
	withTLS := append(args, "--tls-port", tlsPort, "--tls-cert-file", certFile(l.dir), "--tls-key-file", keyFile(l.dir),
		"--tls-ca-cert-file", certFile(l.dir), "--tls-auth-clients", "no")
	l.redis, l.tls = addr, secure
	if l.server, err = l.start(ctx, addr, "redis", path, withTLS...); err != nil {
		l.note("The server takes no TLS.") // or something else is wrong, which the second try will tell
		l.tls = ""
		if l.server, err = l.start(ctx, addr, "redis", path, args...); err != nil {
			return err
		}
	}
	l.targets = []*target{{name: Direct, addr: addr, tlsAddr: l.tls, can: canTx | canPubSub | canTLS | canIdle}}
	return nil
}

func (l *lab) openProxy(ctx context.Context) error {
	addr, secure, err := freeAddrs()
	if err != nil {
		return err
	}
	file := filepath.Join(l.dir, "proxy.toml")
	text := fmt.Sprintf(`listen = [%q, "tls://%s"]
admin = ""
loops = %d
[upstream]
url = "redis://%s"
[client]
max = 15000
[purge]
max_scan = 2000000
limit = 100000
[tls]
cert_file = %q
key_file = %q
`, addr, secure, l.opts.Loops, l.redis, certFile(l.dir), keyFile(l.dir))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	p, err := l.start(ctx, addr, Proxy, l.opts.Binary, "serve", "--config", file)
	if err != nil {
		return err
	}
	l.targets = append(l.targets, &target{name: Proxy, addr: addr, tlsAddr: secure, proc: p,
		can: canTx | canPubSub | canTLS | canIdle, replaces: true})
	return nil
}

func (l *lab) openHAProxy(ctx context.Context) error {
	path, err := find("haproxy")
	if err != nil {
		return err
	}
	addr, secure, err := freeAddrs()
	if err != nil {
		return err
	}
	const most = 9000 // connections; each needs two descriptors
	file := filepath.Join(l.dir, "haproxy.cfg")
	text := fmt.Sprintf(`global
    maxconn %d
defaults
    mode tcp
    timeout connect 5s
    timeout client 10m
    timeout server 10m
listen redis
    bind %s
    bind %s ssl crt %s
    server one %s
`, min(most, l.files/2-100), addr, secure, bundleFile(l.dir), l.redis)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	p, err := l.start(ctx, addr, HAProxy, path, "-q", "-db", "-f", file)
	if err != nil {
		return err
	}
	l.targets = append(l.targets, &target{name: HAProxy, addr: addr, tlsAddr: secure, proc: p, can: canTx | canPubSub | canTLS})
	return nil
}

func (l *lab) openTwemproxy(ctx context.Context) error {
	path, err := find("nutcracker")
	if err != nil {
		return err
	}
	addr, stats, err := freeAddrs()
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(stats)
	file := filepath.Join(l.dir, "nutcracker.yml")
	text := fmt.Sprintf("alpha:\n  listen: %s\n  redis: true\n  servers:\n   - %s:1\n", addr, l.redis)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	p, err := l.start(ctx, addr, Twemproxy, path, "-c", file, "-s", port, "-a", "127.0.0.1")
	if err != nil {
		return err
	}
	l.targets = append(l.targets, &target{name: Twemproxy, addr: addr, proc: p, can: canIdle})
	return nil
}

func (l *lab) openCopy(ctx context.Context) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	p, err := l.start(ctx, addr, Copy, l.opts.Binary, HelperCommand, "copy", addr, l.redis)
	if err != nil {
		return err
	}
	l.targets = append(l.targets, &target{name: Copy, addr: addr, proc: p, can: canTx | canPubSub})
	return nil
}

// usage is what the server and the process of a target have used.
type usage struct {
	server, between, own, all int64 // nanoseconds of CPU
	ok                        bool
}

// usage reads the clocks. own is what all of the run's processes have used, this one included.
func (l *lab) usage(t *target) usage {
	var u usage
	all, ok := busyTime()
	u.all, u.ok = int64(all), ok
	read := func(pid int) int64 {
		d, ok := cpuTime(pid)
		u.ok = u.ok && ok
		return int64(d)
	}
	u.own = read(os.Getpid())
	for _, p := range l.procs {
		select {
		case <-p.exited: // its time was added to this process's
			continue
		default:
		}
		d := read(p.pid())
		u.own += d
		if p == l.server {
			u.server = d
		}
		if t != nil && p == t.proc {
			u.between = d
		}
	}
	return u
}

// account puts what was used between two readings into m, for each of ops operations.
func (l *lab) account(m Metrics, t *target, before, after usage, ops uint64) {
	if !before.ok || !after.ok {
		return
	}
	if ops > 0 {
		each := func(ns int64) float64 { return float64(ns) / 1e3 / float64(ops) }
		m[RedisCPU] = each(after.server - before.server)
		if t.proc != nil {
			m[ProxyCPU] = each(after.between - before.between)
		}
	}
	if t.proc != nil {
		if n, ok := residentBytes(t.proc.pid()); ok {
			m[ProxyRSS] = float64(n)
		}
	}
}
