package dnspeer_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/dnspeer"
	"github.com/stretchr/testify/require"
)

const name = "\x09forwarded\x07example\x00"

// question asks for the AAAA record of the name.
const question = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + name + "\x00\x1c\x00\x01"

// Both forward what they are asked. Of the name server behind them a packet socket
// is enough: a question arrives there.
func TestServersForward(t *testing.T) {
	for name, start := range map[string]func(testing.TB, dnspeer.Config) netip.AddrPort{
		"unbound": dnspeer.Unbound, "named": dnspeer.Named,
	} {
		t.Run(name, func(t *testing.T) {
			behind, err := net.ListenPacket("udp", "127.0.0.1:0")
			require.NoError(t, err)
			defer behind.Close()
			addr := start(t, dnspeer.Config{Forward: behind.LocalAddr().(*net.UDPAddr).AddrPort()})
			client, err := net.Dial("udp", addr.String())
			require.NoError(t, err)
			defer client.Close()
			_, err = client.Write([]byte(question))
			require.NoError(t, err)
			require.NoError(t, behind.SetReadDeadline(time.Now().Add(time.Minute)))
			require.True(t, arrives(t, behind))
		})
	}
}

// arrives waits for a question about the name; servers ask for more than that.
func arrives(t *testing.T, behind net.PacketConn) bool {
	t.Helper()
	buf := make([]byte, 1500)
	for {
		n, _, err := behind.ReadFrom(buf)
		require.NoError(t, err)
		if n >= 12+len(name) && string(buf[12:12+len(name)]) == name {
			return true
		}
	}
}
