package peer_test

import (
	"context"
	"net"
	"os/exec"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// A test that runs a name server and waits until it takes connections.
func Example() {
	_ = func(t *testing.T) {
		dnsmasq := peer.Look(t, "dnsmasq")
		cmd := exec.Command(dnsmasq, "--keep-in-foreground", "--port=5353", "--no-resolv")
		peer.Start(t, cmd, peer.Options{Ready: func(ctx context.Context) error {
			var d net.Dialer
			conn, err := d.DialContext(ctx, "tcp", "127.0.0.1:5353")
			if err != nil {
				return err
			}
			return conn.Close()
		}})
	}
}
