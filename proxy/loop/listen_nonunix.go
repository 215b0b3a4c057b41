//go:build !unix

package loop

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// listenMasked opens a unix socket. These systems know no such permissions; the directory's protect it.
func listenMasked(path string, _ os.FileMode) (*net.UnixListener, error) {
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}

func checkMode(string, os.FileInfo, os.FileMode) error { return nil }

func setBacklog(net.Listener, int) {}

// wsaConnRefused is Windows's own number for it.
const wsaConnRefused = syscall.Errno(10061)

func refused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, wsaConnRefused)
}
