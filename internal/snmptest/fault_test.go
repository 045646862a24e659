package snmptest_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/memnet"
	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// raw is a get of an admin state, of SNMPv2c, with request id 0x01020304.
var raw = []byte("0\x2a\x02\x01\x01\x04\x06public\xa0\x1d\x02\x04\x01\x02\x03\x04\x02\x01\x00\x02\x01\x000\x0f0\x0d\x06\x09\x2b\x06\x01\x02\x01\x69\x01\x01\x00\x05\x00")

// bench is an agent on a network in memory.
type bench struct {
	t      *testing.T
	client net.PacketConn
	agent  net.Addr
}

func newBench(t *testing.T, a *snmptest.Agent) *bench {
	t.Helper()
	var n memnet.Network
	agent, err := n.ListenPacket(netip.MustParseAddrPort("192.0.2.1:161"))
	require.NoError(t, err)
	client, err := n.ListenPacket(netip.MustParseAddrPort("192.0.2.2:5000"))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- a.Serve(ctx, agent) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
		require.NoError(t, client.Close())
	})
	return &bench{t, client, agent.LocalAddr()}
}

func (b *bench) ask(request []byte) {
	b.t.Helper()
	_, err := b.client.WriteTo(request, b.agent)
	require.NoError(b.t, err)
}

// answers are all that come within a second, and when.
func (b *bench) answers() (all [][]byte, at []time.Duration) {
	b.t.Helper()
	start := time.Now()
	require.NoError(b.t, b.client.SetReadDeadline(start.Add(time.Second)))
	for {
		buf := make([]byte, 1500)
		n, _, err := b.client.ReadFrom(buf)
		if err != nil {
			return all, at
		}
		all, at = append(all, buf[:n]), append(at, time.Since(start))
	}
}

func TestDelivery(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct {
		name   string
		faults snmptest.Faults
		want   []time.Duration
	}{
		{"none", snmptest.Faults{}, []time.Duration{0}},
		{"request lost", snmptest.Faults{LoseRequest: 1}, nil},
		{"answer lost", snmptest.Faults{LoseReply: 1}, nil},
		{"answer twice", snmptest.Faults{Duplicate: 1}, []time.Duration{0, 0}},
		{"delay", snmptest.Faults{Delay: 20 * ms}, []time.Duration{20 * ms}},
		{"request again", snmptest.Faults{RepeatRequest: 1, RepeatDelay: 30 * ms}, []time.Duration{0, 30 * ms}},
		{"held for ever", snmptest.Faults{Reorder: 1}, nil},
		{"not this one", snmptest.Faults{LoseRequest: 1, Only: func(r snmptest.Request) bool { return r.Kind == snmptest.Set }}, []time.Duration{0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := poeSwitch()
				b := newBench(t, a)
				a.SetFaults(test.faults)
				b.ask(raw)
				_, at := b.answers()
				require.Equal(t, test.want, at)
				require.EqualValues(t, 1, a.Stats().Get)
				require.EqualValues(t, len(at), a.Stats().Replies)
			})
		})
	}
}

func TestReorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := poeSwitch()
		b := newBench(t, a)
		first := true
		a.SetFaults(snmptest.Faults{Reorder: 1, Only: func(snmptest.Request) bool {
			defer func() { first = false }()
			return first
		}})
		second := append([]byte(nil), raw...)
		second[20]++ // the request id's last octet
		b.ask(raw)
		b.ask(second)
		all, _ := b.answers()
		require.Len(t, all, 2)
		require.Equal(t, byte(5), all[0][20], "the second was answered first")
		require.Equal(t, byte(4), all[1][20])
	})
}

func TestLies(t *testing.T) {
	for name, test := range map[string]struct {
		faults snmptest.Faults
		check  func(t *testing.T, answer []byte)
	}{
		"request id":   {snmptest.Faults{WrongRequestID: true}, func(t *testing.T, b []byte) { require.NotEqual(t, raw[17:21], b[17:21]) }},
		"request id 0": {snmptest.Faults{ZeroRequestID: true}, func(t *testing.T, b []byte) { require.Equal(t, []byte{2, 1, 0}, b[15:18]) }},
		"community":    {snmptest.Faults{WrongCommunity: true}, func(t *testing.T, b []byte) { require.Equal(t, "publicx", string(b[7:14])) }},
		"half":         {snmptest.Faults{Garbled: true}, func(t *testing.T, b []byte) { require.Less(t, len(b), int(b[1])) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := poeSwitch()
				b := newBench(t, a)
				a.SetFaults(test.faults)
				b.ask(raw)
				all, _ := b.answers()
				require.Len(t, all, 1)
				test.check(t, all[0])

				test.faults.Decoy = true
				a.SetFaults(test.faults)
				b.ask(raw)
				all, _ = b.answers()
				require.Len(t, all, 2)
				require.Equal(t, raw[17:21], all[1][17:21], "the right one comes after it")
			})
		})
	}
}

// The agent ends while answers are still on their way.
func TestServeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := poeSwitch()
		b := newBench(t, a)
		a.SetFaults(snmptest.Faults{Delay: time.Hour})
		b.ask(raw)
		synctest.Wait()
		require.EqualValues(t, 1, a.Stats().Get)
	})
}

func TestStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := poeSwitch()
		b := newBench(t, a)
		other := append([]byte(nil), raw...)
		copy(other[7:], "secret")
		v1 := append([]byte(nil), raw...)
		v1[4] = 0
		for _, bad := range [][]byte{other, v1, raw[:20], append(raw[:len(raw):len(raw)], 0), {}, []byte("0\x84\xff\xff\xff\xff"), []byte("0\x80")} {
			b.ask(bad)
		}
		all, _ := b.answers()
		require.Empty(t, all)
		require.EqualValues(t, 1, a.Stats().BadCommunity)
		require.EqualValues(t, 6, a.Stats().Malformed)
		require.Zero(t, a.Stats().Requests())
	})
}

func client(t *testing.T, a *snmptest.Agent) *snmpx.Client {
	t.Helper()
	c, err := snmpx.Dial(t.Context(), snmpx.Config{
		Addr: snmptest.Start(t, a), Credentials: snmpx.Credentials{V2c: snmpx.V2c{Read: "public", Write: "private"}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// set writes numbers to admin states of ports.
func set(t *testing.T, c *snmpx.Client, values ...int32) (snmpx.Status, int) {
	t.Helper()
	var vars []snmpx.Var
	for i, v := range values {
		vars = append(vars, snmpx.Var{OID: port.Append(3, 1, uint32(i+1)), Value: snmpx.Integer(v)})
	}
	err := c.Set(t.Context(), vars...)
	if refusal, ok := errors.AsType[*snmpx.PDUError](err); ok {
		return refusal.Status, refusal.Index
	}
	require.NoError(t, err)
	return snmpx.NoError, 0
}

func TestSet(t *testing.T) {
	for _, test := range []struct {
		name   string
		faults snmptest.Faults
		status snmpx.Status
		index  int
		first  int32 // what the first port is then
	}{
		{"all or none", snmptest.Faults{}, snmpx.WrongValue, 2, 1},
		{"partial", snmptest.Faults{PartialSet: true}, snmpx.WrongValue, 2, 2},
		{"too many", snmptest.Faults{MaxVarbinds: 1}, snmpx.TooBig, 0, 1},
		{"by order", snmptest.Faults{Status: snmpx.ResourceUnavailable}, snmpx.ResourceUnavailable, 1, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := poeSwitch()
			c := client(t, a)
			a.SetFaults(test.faults)
			status, index := set(t, c, 2, 9)
			require.Equal(t, test.status, status)
			require.Equal(t, test.index, index)
			require.Equal(t, snmpx.Integer(test.first), a.Get(port.Append(3, 1, 1)))
		})
	}
	t.Run("accepted and ignored", func(t *testing.T) {
		a := poeSwitch()
		c := client(t, a)
		a.SetFaults(snmptest.Faults{IgnoreSet: true})
		status, _ := set(t, c, 2)
		require.Equal(t, snmpx.NoError, status)
		require.Equal(t, snmpx.Integer(1), a.Get(port.Append(3, 1, 1)))
	})
	t.Run("undone", func(t *testing.T) {
		a := poeSwitch()
		c := client(t, a)
		a.Writable(port.Append(3, 1, 1), snmptest.Hook{})
		a.Writable(port.Append(3, 1, 2), snmptest.Hook{Commit: func(snmpx.OID, snmpx.Value) snmpx.Status { return snmpx.CommitFailed }})
		status, index := set(t, c, 2, 2)
		require.Equal(t, snmpx.CommitFailed, status)
		require.Equal(t, 2, index)
		require.Equal(t, snmpx.Integer(1), a.Get(port.Append(3, 1, 1)))
	})
	t.Run("rows are made", func(t *testing.T) {
		a := poeSwitch()
		c := client(t, a)
		row := snmpx.OID{1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 3, 1, 5}
		a.Writable(row, snmptest.Hook{Create: true, Check: snmptest.OneOf(4, 6)})
		require.NoError(t, c.Set(t.Context(), snmpx.Var{OID: row.Append(11), Value: snmpx.Integer(4)}))
		require.Equal(t, []snmpx.Var{{OID: row.Append(11), Value: snmpx.Integer(4)}}, a.Below(row))
	})
	t.Run("a string's length", func(t *testing.T) {
		a := poeSwitch()
		c := client(t, a)
		ports := snmpx.OID{1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 3, 1, 2, 11}
		a.Set(ports, snmpx.OctetString([]byte{0, 0}))
		a.Writable(ports, snmptest.Hook{Check: snmptest.Length(2)})
		require.NoError(t, c.Set(t.Context(), snmpx.Var{OID: ports, Value: snmpx.OctetString([]byte{0x80, 1})}))
		require.ErrorContains(t, c.Set(t.Context(), snmpx.Var{OID: ports, Value: snmpx.OctetString([]byte{0x80})}), "wrongLength")
	})
}

// An answer is never larger than the agent's messages may be.
func TestMaxMessage(t *testing.T) {
	a := poeSwitch()
	a.MaxMessage = 200
	c := client(t, a)
	rows, err := c.Table(t.Context(), port.Append(3), port.Append(6), port.Append(9))
	require.NoError(t, err)
	require.Len(t, rows, 4)
	require.Greater(t, a.Stats().GetBulk, int64(1))
	a.Set(port.Append(9, 1, 1), snmpx.OctetString(make([]byte, 300)))
	_, err = c.Get(t.Context(), port.Append(9, 1, 1))
	require.ErrorContains(t, err, "tooBig")
}

func TestComputed(t *testing.T) {
	a := poeSwitch()
	c := client(t, a)
	o := snmpx.OID{1, 3, 6, 1, 2, 1, 1, 3, 0}
	var n uint32
	a.Computed(o, func() snmpx.Value { n++; return snmpx.TimeTicks(n) })
	for want := range uint32(3) {
		got, err := c.Get(t.Context(), o)
		require.NoError(t, err)
		require.Equal(t, snmpx.TimeTicks(want+1), got[0])
	}
	a.Delete(o)
	got, err := c.Get(t.Context(), o)
	require.NoError(t, err)
	require.False(t, got[0].Present())
}
