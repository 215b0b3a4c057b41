package loop

import (
	"fmt"
	"io"
	"net"
	"testing"
)

// BenchmarkEcho has one client, then 50, of one loop; an operation is one exchange of 64 bytes.
func BenchmarkEcho(b *testing.B) {
	for name, connect := range transports(b, startLoop(b)) {
		for _, clients := range []int{1, 50} {
			b.Run(fmt.Sprintf("%s/%d", name, clients), func(b *testing.B) { exchanges(b, connect, clients) })
		}
	}
}

func exchanges(b *testing.B, connect func() net.Conn, clients int) {
	msg := make([]byte, 64)
	conns := make([]net.Conn, clients)
	for i := range conns {
		conns[i] = connect()
		conns[i].Write(msg)
		if _, err := io.ReadFull(conns[i], make([]byte, len(msg))); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	buf := make([]byte, len(msg))
	// All write, then all read: the loop finds many ready at once, as it does under load.
	for done := 0; done < b.N; done += clients {
		for _, nc := range conns {
			nc.Write(msg)
		}
		for _, nc := range conns {
			if _, err := io.ReadFull(nc, buf); err != nil {
				b.Fatal(err)
			}
		}
	}
}
