package loop

import (
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Keepalive probes of a TCP connection: the first after 300 s of silence, as Redis has it, and at most two more.
const (
	keepIdle     = 300 // seconds
	keepInterval = 100 // seconds
	keepCount    = 3
)

// recv and send use RawSyscall: the descriptors don't block, so there is nothing that the scheduler has to know.
func recv(fd int, b []byte) (int, unix.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))),
			uintptr(len(b)), unix.MSG_DONTWAIT, 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

func send(fd int, b []byte) (int, unix.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))),
			uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

// socketError takes the error that a socket holds.
func socketError(fd int) error {
	v, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	switch {
	case err != nil:
		return err
	case v == 0:
		return unix.ECONNRESET // taken by an earlier call
	}
	return unix.Errno(v)
}

// tuneTCP sets what every TCP connection has; on a listening socket, its connections inherit it. Failures don't matter enough to
// refuse a connection.
func tuneTCP(fd int) {
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, keepIdle)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, keepInterval)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, keepCount)
}

// dupFD makes a descriptor of our own for a socket of package net. It stays non-blocking.
func dupFD(c any) (int, bool) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return -1, false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return -1, false
	}
	fd := -1
	cerr := raw.Control(func(s uintptr) { fd, err = unix.FcntlInt(s, unix.F_DUPFD_CLOEXEC, 0) })
	return fd, cerr == nil && err == nil
}

// adoptFD gives nc to epoll if it is a plain socket. If there is no descriptor left for the copy, nc is pumped instead.
func (l *Loop) adoptFD(nc net.Conn, open func(Conn) Handler) bool {
	var tcp bool
	switch nc.(type) {
	case *net.TCPConn:
		tcp = true
	case *net.UnixConn:
	default:
		return false
	}
	fd, ok := dupFD(nc)
	if !ok {
		return false
	}
	remote, local := nc.RemoteAddr().String(), nc.LocalAddr().String()
	nc.Close()
	if tcp {
		tuneTCP(fd)
	}
	l.enter(&fdConn{fd: fd, remote: remote, local: local}, tcp, open)
	return true
}

// enter makes c, whose descriptor doesn't block, a connection of l.
func (l *Loop) enter(c *fdConn, tcp bool, open func(Conn) Handler) {
	if l.closing {
		unix.Close(c.fd)
		return
	}
	c.l = l
	if tcp {
		c.state |= stTCP
	}
	l.load.Add(1)
	l.poll.add(c)
	c.sync()
	h := l.open(c, open)
	switch {
	case c.has(stClosed):
	case h == nil:
		c.Close()
	default:
		c.h = h
	}
}

// addrString is an address as package net writes it, except that a zone is a number.
func addrString(sa unix.Sockaddr) string {
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)).String()
	case *unix.SockaddrInet6:
		ip := netip.AddrFrom16(a.Addr).Unmap()
		if a.ZoneId != 0 {
			ip = ip.WithZone(strconv.FormatUint(uint64(a.ZoneId), 10))
		}
		return netip.AddrPortFrom(ip, uint16(a.Port)).String()
	case *unix.SockaddrUnix:
		return a.Name
	}
	return ""
}
