package quic_test

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	quicgo "github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy"
)

// TestRelay: clients of both versions reach the site that they name, and what they
// send comes back.
func TestRelay(t *testing.T) {
	certs, pool := certificates(t, site, "other.example")
	one := startUpper(t, certs[site], "one", nil, nil)
	two := startUpper(t, certs["other.example"], "two", nil, nil)
	r := startRelay(t, map[string][]netip.AddrPort{site: {one.addr}, "other.example": {two.addr}}, nil)
	message := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	for _, version := range []quicgo.Version{quicgo.Version1, quicgo.Version2} {
		t.Run(version.String(), func(t *testing.T) {
			config := &quicgo.Config{Versions: []quicgo.Version{version}}
			for name, want := range map[string]string{site: "one", "other.example": "two"} {
				c, err := dial(t, r, pool, name, config)
				require.NoError(t, err)
				require.Equal(t, version, c.ConnectionState().Version)
				require.True(t, want+":"+string(message) == ask(t, c, message), "all comes back")
			}
		})
	}
	require.Equal(t, 2, one.count())
	require.Equal(t, 2, two.count())
	require.EqualValues(t, 4, r.Stats().Active)
	require.Zero(t, r.Stats().Held)
}

// TestRefused: a client whose name has no site is told so at once.
func TestRefused(t *testing.T) {
	r := startRelay(t, nil, nil)
	for _, version := range []quicgo.Version{quicgo.Version1, quicgo.Version2} {
		_, err := dial(t, r, nil, "unknown.example", &quicgo.Config{Versions: []quicgo.Version{version}})
		var refusal *quicgo.TransportError
		require.True(t, errors.As(err, &refusal), "%v", err)
		require.True(t, refusal.Remote)
		require.EqualValues(t, 0x100+112, refusal.ErrorCode, "unrecognized_name")
	}
	require.Eventually(t, func() bool { return len(r.Records()) == 2 }, patience, tick)
	rec := r.Records()[0]
	require.Equal(t, sniproxy.UnknownName, rec.Result)
	require.Equal(t, "unknown.example", rec.Name)
	require.Less(t, rec.Sent, int64(100))
	require.GreaterOrEqual(t, rec.Received, int64(1200))
}
