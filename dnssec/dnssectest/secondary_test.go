package dnssectest_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/dnssectest"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
)

// A secondary fetches at its start, remembers what it had, and keeps the old zone
// where its check fails.
func TestSecondary(t *testing.T) {
	z, err := dnssec.ParseZone(strings.NewReader("@ 60 SOA ns h 5 2 3 4 5\n"), "example.test", dnssec.Options{})
	require.NoError(t, err)
	s := &serve.Server{Default: serve.Config{Transfer: []serve.Access{{}}}}
	require.NoError(t, s.Publish(t.Context(), z))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, serve.Listeners{TCP: []net.Listener{l}}) }()
	defer func() { cancel(); require.NoError(t, <-done) }()
	o := dnssectest.SecondaryOptions{Primary: netip.MustParseAddrPort(l.Addr().String()), Zones: []string{"Example.test"}}
	good := dnssectest.NewSecondary(t, o)
	o.Check = func(*dnssec.Zone) error { return context.Canceled }
	bad := dnssectest.NewSecondary(t, o)
	require.Eventually(t, func() bool { return len(good.Serials("example.test")) == 1 && len(bad.Errors()) == 1 }, time.Minute, 10*time.Millisecond)
	require.Equal(t, []uint32{5}, good.Serials("example.test"))
	require.Equal(t, uint32(5), good.Zone("example.test").Serial())
	require.ErrorIs(t, bad.Errors()[0], context.Canceled)
	require.Nil(t, bad.Zone("example.test"))
}
