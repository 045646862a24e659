package telnet_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
	"github.com/mythic-beasts/hostkit/serialcon/telnet"
)

// A Console whose Engine polls the connection logs every byte of the line.
func TestRealSer2netBehindAnEngine(t *testing.T) {
	c, pty := ser2net(t, telnet.Config{Serial: &telnet.Serial{Baud: 115200}})
	log := new(serialcontest.Log)
	console := &serialcon.Console{Name: "sw-1", Port: patient{c}, Log: log, Engine: new(serialcon.Engine)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- console.Run(ctx) }()
	defer func() {
		cancel()
		require.NoError(t, <-ended)
	}()
	opened := func() bool {
		for _, e := range log.Events() {
			if e.Kind == serialcon.EventOpened {
				return true
			}
		}
		return false
	}
	require.Eventually(t, opened, time.Minute, 5*time.Millisecond)
	host := serialcontest.Host{Name: "sw-1"}
	for n := range int64(500) {
		_, err := pty.Write(host.Line(n))
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return len(log.Bytes()) >= 500*64 }, time.Minute, 5*time.Millisecond)
	v := serialcontest.Verifier{Name: "sw-1"}
	_, _ = v.Write(log.Bytes())
	require.Equal(t, "500 lines, 0 missing, 0 repeated, 0 damaged, 0 foreign", v.String())
}
