package clients

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
	// The test runs the proxy as a program. Importing what it is made of tells go test that a change there is a change here.
	_ "github.com/atomicproxy/atomicproxy/proxy"
)

// installed is the name of the server that is found in the PATH.
const installed = "redis-server"

const startTimeout = 20 * time.Second

type program struct{ name, path string }

// programs lists the servers to try the clients on.
func programs(t *testing.T) []program {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		lacking(t, err.Error())
	}
	l := []program{{installed, path}}
	if dir := os.Getenv("ATOMICPROXY_SERVERS"); dir != "" {
		paths, _ := filepath.Glob(filepath.Join(dir, "*", "bin", "server"))
		slices.Sort(paths)
		for _, path := range paths {
			l = append(l, program{filepath.Base(filepath.Dir(filepath.Dir(path))), path})
		}
		if len(l) == 1 { // a mistyped folder would pass as a smaller test
			t.Fatalf("no NAME/bin/server below ATOMICPROXY_SERVERS=%s", dir)
		}
	}
	return l
}

func buildProxy(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "proxy")
	build := exec.Command("go", "build", "-o", path, "../../cmd/proxy")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// world is one server and one proxy in front of it, for one program.
type world struct {
	server                program
	serverAddr, proxyAddr string
	dir                   string
	process               *exec.Cmd // the server's
}

func startWorld(t *testing.T, proxy string, server program) *world {
	t.Helper()
	w := &world{server: server, dir: t.TempDir(), serverAddr: freeAddr(t), proxyAddr: freeAddr(t)}
	w.start(t)
	t.Cleanup(func() { w.kill() })
	log, err := os.Create(filepath.Join(w.dir, "proxy.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p := exec.Command(proxy, "--listen", w.proxyAddr, "--upstream", "redis://"+w.serverAddr, "--admin", "")
	p.Dir, p.Stdout, p.Stderr = w.dir, log, log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Process.Kill()
		p.Wait()
	})
	if err := answers(w.proxyAddr); err != nil {
		t.Fatalf("the proxy: %v\n%s", err, w.log())
	}
	return w
}

// freeAddr returns an address on which nobody listens now.
func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func (w *world) start(t *testing.T) {
	t.Helper()
	_, port, _ := net.SplitHostPort(w.serverAddr)
	w.process = exec.Command(w.server.path, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
		"--dir", w.dir)
	if err := w.process.Start(); err != nil {
		t.Fatal(err)
	}
	if err := answers(w.serverAddr); err != nil {
		t.Fatalf("%s: %v", w.server.name, err)
	}
}

// restart kills the server and starts another on its address: every connection is lost, and every key.
func (w *world) restart(t *testing.T) {
	w.kill()
	w.start(t)
}

func (w *world) kill() {
	w.process.Process.Kill()
	w.process.Wait()
}

// log is what the proxy has logged so far.
func (w *world) log() []byte {
	b, err := os.ReadFile(filepath.Join(w.dir, "proxy.log"))
	if err != nil {
		return []byte(err.Error())
	}
	return b
}

// answers waits until PING gets its reply.
func answers(addr string) error {
	deadline := time.Now().Add(startTimeout)
	for {
		err := ping(addr)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func ping(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	b := make([]byte, 64)
	n, err := conn.Read(b)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(b[:n], []byte("+PONG")) {
		return errors.New(string(b[:n]))
	}
	return nil
}
