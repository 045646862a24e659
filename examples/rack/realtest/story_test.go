package realtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/racktest"
	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

// bootPatience is for an emulated machine on a host with much else to do.
const bootPatience = 10 * time.Minute

// The whole company's story, with real parts.
func TestRealRack(t *testing.T) {
	r := newRack(t)
	r.roots()
	r.install("generation 1")
	r.servers()
	r.console()
	power := r.power()
	_, err := power.On(t.Context(), r.pi.Port, poe.Reason{Who: "customer", Why: "a new machine"})
	require.NoError(t, err)
	r.say("power is on")
	require.NoError(t, racktest.Until(t.Context(), bootPatience, func(ctx context.Context) error {
		return r.edge.Do(func() error {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", netip.AddrPortFrom(r.pi.Public.Addr(), 443).String())
			if err == nil {
				err = conn.Close()
			}
			return err
		})
	}), "its console:\n%s", r.consoleLog(t))
	r.say("it serves by IPv6")
	require.Contains(t, r.consoleLog(t), "Linux version")
}

// consoleLog is what the machine has said so far.
func (r *rack) consoleLog(t *testing.T) string {
	t.Helper()
	var all []byte
	err := conlog.Reader{Dir: r.path("consoles/" + r.pi.Name)}.Raw(context.WithoutCancel(t.Context()), time.Time{}, func(c conlog.Chunk) error {
		all = append(all, c.Data...)
		return nil
	})
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err != nil {
		return fmt.Sprintf("%s\n%v", all, err)
	}
	return string(all)
}
