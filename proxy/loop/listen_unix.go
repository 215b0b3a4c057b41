//go:build unix

package loop

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
)

// umaskMu keeps two listeners from restoring each other's mask.
var umaskMu sync.Mutex

// listenMasked opens a unix socket whose file has mode from the start: a chmod afterwards would leave it open for a moment.
func listenMasked(path string, mode os.FileMode) (*net.UnixListener, error) {
	umaskMu.Lock()
	defer umaskMu.Unlock()
	old := syscall.Umask(0o777 &^ int(mode.Perm()))
	defer syscall.Umask(old)
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}

// checkMode looks whether the file came out as it should, for some file systems ignore the mask.
func checkMode(path string, fi os.FileInfo, mode os.FileMode) error {
	if fi.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("loop: listen unix %s: another process has replaced the socket's file", path)
	}
	if got := fi.Mode().Perm(); got&^mode.Perm() != 0 {
		return fmt.Errorf("loop: listen unix %s: the file has mode %04o, wanted %04o at most", path, got, mode.Perm())
	}
	return nil
}

// setBacklog changes the length of the queue; listen may be called again. Where it can't, the default stays.
func setBacklog(nl net.Listener, n int) {
	sc, ok := nl.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := sc.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { syscall.Listen(int(fd), n) })
	}
}

// refused reports whether nobody listens.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
