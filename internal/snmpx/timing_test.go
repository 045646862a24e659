package snmpx_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/memnet"
	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// connected is a socket that talks to one address, in memory.
type connected struct {
	net.PacketConn
	to net.Addr
}

func (c *connected) Write(b []byte) (int, error) { return c.WriteTo(b, c.to) }

func (c *connected) RemoteAddr() net.Addr { return c.to }

func (c *connected) Read(b []byte) (int, error) {
	n, _, err := c.ReadFrom(b)
	return n, err
}

// inMemory serves the agent on a network in memory, whose clock is the bubble's.
func inMemory(t *testing.T, a *snmptest.Agent, c snmpx.Config, wrap ...func(net.Conn) net.Conn) *snmpx.Client {
	t.Helper()
	var n memnet.Network
	agent, err := n.ListenPacket(netip.MustParseAddrPort("192.0.2.1:161"))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- a.Serve(ctx, agent) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	c.Addr = "192.0.2.1"
	c.Dial = func(context.Context, string, string) (net.Conn, error) {
		packets, err := n.ListenPacket(netip.MustParseAddrPort("192.0.2.99:0"))
		conn := net.Conn(&connected{packets, agent.LocalAddr()})
		for _, w := range wrap {
			conn = w(conn)
		}
		return conn, err
	}
	return dial(t, c)
}

// sent notes when requests come in.
func sent(a *snmptest.Agent) func() []time.Duration {
	var mu sync.Mutex
	start := time.Now()
	var at []time.Duration
	a.Observe = func(snmptest.Request) {
		mu.Lock()
		defer mu.Unlock()
		at = append(at, time.Since(start))
	}
	return func() []time.Duration {
		mu.Lock()
		defer mu.Unlock()
		all := at
		start, at = time.Now(), nil
		return all
	}
}

const ms = time.Millisecond

// gosnmp returns from a cancelled request when its timeout has passed.
func TestCancelAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := poeSwitch(4)
		c := inMemory(t, a, snmpx.Config{MinTimeout: time.Minute, MaxTimeout: time.Hour})
		a.SetFaults(snmptest.Faults{LoseRequest: 1})
		off := snmpx.Var{OID: admin.Append(1, 1), Value: snmpx.Integer(2)}
		for name, do := range map[string]func(context.Context) error{
			"get":   func(ctx context.Context) error { _, err := c.Get(ctx, sysUpTime); return err },
			"set":   func(ctx context.Context) error { return c.Set(ctx, off) },
			"table": func(ctx context.Context) error { _, err := c.Table(ctx, admin); return err },
			"walk":  func(ctx context.Context) error { return c.Walk(ctx, admin, func(snmpx.Var) error { return nil }) },
		} {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(200*ms, cancel)
			start := time.Now()
			require.ErrorIs(t, do(ctx), context.Canceled, name)
			require.Equal(t, 200*ms, time.Since(start), name)

			ctx, cancel = context.WithTimeout(t.Context(), 300*ms)
			start = time.Now()
			require.ErrorIs(t, do(ctx), context.DeadlineExceeded, name)
			require.Equal(t, 300*ms, time.Since(start), name)
			cancel()
			require.ErrorIs(t, do(ctx), context.DeadlineExceeded, "%s with a context that has ended", name)
		}
		a.SetFaults(snmptest.Faults{})
		_, err := c.Get(t.Context(), sysUpTime)
		require.NoError(t, err, "the client can be used again")
	})
}

// halting is a socket of a process that stands still before a write, for longer than
// an answer may take.
type halting struct {
	net.Conn
	halts *int
}

func (h halting) Write(b []byte) (int, error) {
	if *h.halts == 0 {
		return h.Conn.Write(b)
	}
	*h.halts--
	<-time.After(time.Minute)
	return 0, &net.OpError{Op: "write", Err: os.ErrDeadlineExceeded}
}

// What could not be sent in time is sent again, as what was lost on the way.
func TestProcessStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		halts := 0
		c := inMemory(t, poeSwitch(4), snmpx.Config{Retries: 2}, func(conn net.Conn) net.Conn { return halting{conn, &halts} })
		for _, halts = range []int{0, 1, 2} {
			_, err := c.Get(t.Context(), sysUpTime)
			require.NoError(t, err)
			require.Zero(t, halts)
		}
		halts = 9
		_, err := c.Get(t.Context(), sysUpTime)
		require.ErrorIs(t, err, snmpx.ErrTimeout)
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		halts = 9
		_, err = c.Get(ctx, sysUpTime)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// One that waits for another's request is cancelled too.
func TestCancelWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := poeSwitch(4)
		c := inMemory(t, a, snmpx.Config{MinTimeout: time.Minute, MaxTimeout: time.Hour})
		a.SetFaults(snmptest.Faults{LoseRequest: 1})
		busy, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := c.Get(busy, sysUpTime)
			done <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 50*ms)
		defer cancel()
		start := time.Now()
		_, err := c.Get(ctx, sysUpTime)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 50*ms, time.Since(start))
		stop()
		require.ErrorIs(t, <-done, context.Canceled)
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := poeSwitch(4)
		c := inMemory(t, a, snmpx.Config{MinTimeout: time.Minute, MaxTimeout: time.Hour})
		a.SetFaults(snmptest.Faults{LoseRequest: 1})
		time.AfterFunc(time.Second, func() { c.Close() })
		_, err := c.Get(t.Context(), sysUpTime)
		require.ErrorIs(t, err, snmpx.ErrClosed)
		_, err = c.Get(t.Context(), sysUpTime)
		require.ErrorIs(t, err, snmpx.ErrClosed)
	})
}

func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := poeSwitch(4)
		took := sent(a)
		c := inMemory(t, a, snmpx.Config{MaxTimeout: time.Second})
		a.SetFaults(snmptest.Faults{LoseRequest: 1})
		_, err := c.Get(t.Context(), sysUpTime)
		require.ErrorIs(t, err, snmpx.ErrTimeout)
		require.Equal(t, []time.Duration{0, 300 * ms, 900 * ms, 1900 * ms, 2900 * ms}, took(), "nothing is known yet")

		a.SetFaults(snmptest.Faults{Delay: 2 * ms})
		for range 20 {
			_, err = c.Get(t.Context(), sysUpTime)
			require.NoError(t, err)
		}
		took()
		a.SetFaults(snmptest.Faults{LoseRequest: 1})
		_, err = c.Get(t.Context(), sysUpTime)
		require.ErrorIs(t, err, snmpx.ErrTimeout)
		require.Equal(t, []time.Duration{0, 100 * ms, 300 * ms, 700 * ms, 1500 * ms}, took(), "it is near")
	})
}

// A slow agent is not asked twice once its pace is known.
func TestSlowAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := poeSwitch(4)
		c := inMemory(t, a, snmpx.Config{})
		a.SetFaults(snmptest.Faults{Delay: 700 * ms})
		values, err := c.Get(t.Context(), sysUpTime)
		require.NoError(t, err)
		require.Equal(t, snmpx.TimeTicks(4711), values[0], "the answer to an earlier try is taken")
		for range 5 {
			_, err = c.Get(t.Context(), sysUpTime)
			require.NoError(t, err)
		}
		before := c.Stats().Retries
		for range 10 {
			_, err = c.Get(t.Context(), sysUpTime)
			require.NoError(t, err)
		}
		require.Equal(t, before, c.Stats().Retries)
	})
}

// A SET that is sent again too soon could undo what is written next.
func TestSetIsPatient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := poeSwitch(4)
		c := inMemory(t, a, snmpx.Config{})
		_, err := c.Get(t.Context(), sysUpTime)
		require.NoError(t, err)
		a.SetFaults(snmptest.Faults{Delay: 400 * ms})
		require.NoError(t, c.Set(t.Context(), snmpx.Var{OID: admin.Append(1, 1), Value: snmpx.Integer(2)}))
		require.EqualValues(t, 1, a.Stats().Set)
	})
}
