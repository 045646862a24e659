package sniproxytest

import (
	"net"
	"syscall"
	"testing"
	"time"
)

// fill shortens the listener's accept queue to one connection and fills it, so
// that the kernel drops each further SYN. The function returned empties it.
func fill(t testing.TB, l net.Listener) func() {
	t.Helper()
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		t.Fatalf("sniproxytest: cannot shorten the queue of a %T", l)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		t.Fatalf("sniproxytest: shorten the queue of a backend: %v", err)
	}
	var listenErr error
	if err := raw.Control(func(fd uintptr) { listenErr = syscall.Listen(int(fd), 0) }); err != nil || listenErr != nil {
		t.Fatalf("sniproxytest: shorten the queue of a backend: %v %v", err, listenErr)
	}
	var queued []net.Conn
	for range 8 {
		c, err := net.DialTimeout("tcp", l.Addr().String(), 300*time.Millisecond)
		if err != nil {
			return func() {
				for _, c := range queued {
					_ = c.Close()
				}
			}
		}
		queued = append(queued, c)
	}
	t.Fatalf("sniproxytest: the queue of a backend does not fill up")
	return nil
}
