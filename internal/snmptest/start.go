package snmptest

import (
	"context"
	"net"
	"testing"
)

// Start serves the agent on a free port of 127.0.0.1 until the test has ended,
// and returns its address.
func Start(tb testing.TB, a *Agent) (addr string) {
	tb.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("snmptest: listen: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Serve(ctx, conn) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Errorf("%v", err)
		}
	})
	return conn.LocalAddr().String()
}
