package sniproxytest

import (
	"io"
	"net"
	"os"
	"syscall"
	"testing"
)

// openFiles counts this process's descriptors.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

// outOfFiles lets the process have no descriptor left. Clients and backends are in
// it too, so that nothing but the accepting is looked at.
func (c conformance) outOfFiles(t *testing.T) {
	r, _ := c.rigFor(t, BackendOptions{}, nil)
	old := r.greet(t)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	restore := func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(restore)
	few := before
	few.Cur = uint64(openFiles() + 4)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	until(t, func() bool {
		if conn, err := net.Dial("tcp4", r.addr); err == nil {
			conns = append(conns, conn)
			_, _ = conn.Write(Hello("other.example", HelloOptions{})[:100])
		}
		return r.server.Stats().AcceptFailed > 0
	}, "accept to fail")
	if _, err := io.WriteString(old, "still there?"); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadFull(old, make([]byte, 12)); err != nil {
		t.Errorf("an old connection: %v", err)
	}
	restore()
	for _, conn := range conns {
		conn.Close()
	}
	r.greet(t)
}
