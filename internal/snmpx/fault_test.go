package snmpx_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// hasty gives up soon, for tests of agents that do not answer.
func hasty(addr string) snmpx.Config {
	return snmpx.Config{Addr: addr, MinTimeout: 10 * time.Millisecond, Retries: 1}
}

// A refused SET is err == nil with gosnmp, which echoes the value besides.
func TestSetRefused(t *testing.T) {
	a := poeSwitch(4)
	addr := snmptest.Start(t, a)
	c := dial(t, snmpx.Config{Addr: addr})
	one := func(o snmpx.OID, v snmpx.Value) []snmpx.Var { return []snmpx.Var{{OID: o, Value: v}} }
	for _, test := range []struct {
		name  string
		vars  []snmpx.Var
		want  snmpx.Status
		index int
	}{
		{"wrong value", one(admin.Append(1, 1), snmpx.Integer(9)), snmpx.WrongValue, 1},
		{"wrong type", one(admin.Append(1, 1), snmpx.Gauge32(1)), snmpx.WrongType, 1},
		{"not writable", one(detection.Append(1, 1), snmpx.Integer(1)), snmpx.NotWritable, 1},
		{"no such port", one(admin.Append(1, 99), snmpx.Integer(1)), snmpx.NoCreation, 1},
		{"the second", append(one(admin.Append(1, 1), snmpx.Integer(2)), one(admin.Append(1, 2), snmpx.Integer(7))...), snmpx.WrongValue, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := c.Set(t.Context(), test.vars...)
			refusal, ok := errors.AsType[*snmpx.PDUError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, test.want, refusal.Status)
			require.Equal(t, test.index, refusal.Index)
			require.Equal(t, test.vars[test.index-1].OID, refusal.OID)
			require.ErrorContains(t, err, test.want.String())
		})
	}
	require.Equal(t, snmpx.Integer(1), a.Get(admin.Append(1, 1)), "nothing has changed")
	require.NoError(t, c.Set(t.Context(), one(admin.Append(1, 1), snmpx.Integer(2))...))
	require.Equal(t, snmpx.Integer(2), a.Get(admin.Append(1, 1)))
}

func TestSetWithReadCommunity(t *testing.T) {
	a := poeSwitch(1)
	addr := snmptest.Start(t, a)
	off := snmpx.Var{OID: admin.Append(1, 1), Value: snmpx.Integer(2)}
	c := dial(t, snmpx.Config{Addr: addr, Credentials: snmpx.Credentials{V2c: snmpx.V2c{Write: "public"}}})
	refusal, ok := errors.AsType[*snmpx.PDUError](c.Set(t.Context(), off))
	require.True(t, ok)
	require.Equal(t, snmpx.NoAccess, refusal.Status)

	c = dial(t, snmpx.Config{Addr: addr, Credentials: snmpx.Credentials{V2c: snmpx.V2c{Read: "public"}}})
	require.ErrorIs(t, c.Set(t.Context(), off), snmpx.ErrReadOnly)
	require.EqualValues(t, 1, a.Stats().Set, "without a community for writing nothing is sent")
}

func TestPartialSet(t *testing.T) {
	a := poeSwitch(2)
	c := dial(t, snmpx.Config{Addr: snmptest.Start(t, a)})
	a.SetFaults(snmptest.Faults{PartialSet: true})
	err := c.Set(t.Context(), snmpx.Var{OID: admin.Append(1, 1), Value: snmpx.Integer(2)}, snmpx.Var{OID: admin.Append(1, 2), Value: snmpx.Integer(9)})
	refusal, ok := errors.AsType[*snmpx.PDUError](err)
	require.True(t, ok)
	require.Equal(t, 2, refusal.Index)
	require.Equal(t, snmpx.Integer(2), a.Get(admin.Append(1, 1)), "the first was changed, as the documentation warns")
}

// gosnmp ends a walk at an error without an error.
func TestWalkFails(t *testing.T) {
	a := poeSwitch(4)
	c := dial(t, snmpx.Config{Addr: snmptest.Start(t, a)})
	for _, status := range []snmpx.Status{
		snmpx.GenErr, snmpx.NoAccess, snmpx.AuthorizationError, snmpx.NoSuchName, snmpx.ResourceUnavailable,
	} {
		a.SetFaults(snmptest.Faults{Status: status})
		_, err := c.Table(t.Context(), admin, detection)
		refusal, ok := errors.AsType[*snmpx.PDUError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, status, refusal.Status)
		require.Equal(t, status == snmpx.AuthorizationError, errors.Is(err, snmpx.ErrAuth))
		require.ErrorAs(t, c.Walk(t.Context(), admin, func(snmpx.Var) error { return nil }), &refusal)
	}
	a.SetFaults(snmptest.Faults{Truncate: []snmptest.Truncation{{Column: detection, Rows: 2, Status: snmpx.GenErr}}})
	_, err := c.Table(t.Context(), admin, detection)
	require.ErrorAs(t, err, new(*snmpx.PDUError))
}

func TestTruncatedTable(t *testing.T) {
	a := poeSwitch(48)
	c := dial(t, snmpx.Config{Addr: snmptest.Start(t, a)})
	for name, truncation := range map[string]snmptest.Truncation{
		"first column":         {Column: admin, Rows: 30},
		"second column":        {Column: detection, Rows: 30},
		"second without a row": {Column: detection},
		"one row short":        {Column: detection, Rows: 47},
	} {
		t.Run(name, func(t *testing.T) {
			a.SetFaults(snmptest.Faults{Truncate: []snmptest.Truncation{truncation}})
			_, err := c.Table(t.Context(), admin, detection)
			require.ErrorIs(t, err, snmpx.ErrTruncated)
		})
	}
}

// Columns may lack rows, and tables columns.
func TestSparseTable(t *testing.T) {
	a := poeSwitch(6)
	for _, p := range []uint32{1, 3, 6} {
		a.Delete(detection.Append(1, p))
	}
	c := dial(t, snmpx.Config{Addr: snmptest.Start(t, a)})
	rows, err := c.Table(t.Context(), admin, detection, port.Append(99))
	require.NoError(t, err)
	require.Len(t, rows, 6)
	for i, row := range rows {
		require.Equal(t, snmpx.OID{1, uint32(i + 1)}, row.Index)
		require.True(t, row.Values[0].Present())
		require.Equal(t, i != 0 && i != 2 && i != 5, row.Values[1].Present(), "row %d", i)
		require.Equal(t, snmpx.Value{}, row.Values[2])
	}
	rows, err = c.Table(t.Context(), snmpx.MustOID("1.3.6.1.2.1.200"))
	require.NoError(t, err)
	require.Empty(t, rows)
	rows, err = c.Table(t.Context())
	require.NoError(t, err)
	require.Empty(t, rows)
}

func TestNotIncreasing(t *testing.T) {
	a := poeSwitch(4)
	c := dial(t, snmpx.Config{Addr: snmptest.Start(t, a)})
	a.SetFaults(snmptest.Faults{NotIncreasing: true})
	_, err := c.Table(t.Context(), admin, detection)
	require.ErrorIs(t, err, snmpx.ErrNotIncreasing)
}

// An agent that can do few objects at once is asked for fewer, and stays so.
func TestTooBig(t *testing.T) {
	for _, most := range []int{3, 10, 100} {
		a := poeSwitch(48)
		c := dial(t, snmpx.Config{Addr: snmptest.Start(t, a)})
		a.SetFaults(snmptest.Faults{MaxVarbinds: most})
		for range 2 {
			rows, err := c.Table(t.Context(), admin, detection, port.Append(9), port.Append(10))
			require.NoError(t, err)
			require.Len(t, rows, 48)
			require.Equal(t, snmpx.Text("pi"), rows[47].Values[2])
		}
		before := a.Stats().Requests()
		_, err := c.Table(t.Context(), admin, detection, port.Append(9), port.Append(10))
		require.NoError(t, err)
		learned := a.Stats().Requests() - before

		var oids []snmpx.OID
		for p := range uint32(48) {
			oids = append(oids, admin.Append(1, p+1))
		}
		values, err := c.Get(t.Context(), oids...)
		require.NoError(t, err)
		require.Len(t, values, 48)

		fresh := dial(t, snmpx.Config{Addr: a.Addr()})
		before = a.Stats().Requests()
		_, err = fresh.Table(t.Context(), admin, detection, port.Append(9), port.Append(10))
		require.NoError(t, err)
		require.Less(t, learned, a.Stats().Requests()-before, "what was too big is not asked again")
	}
}

// What an agent has said is too big stays so; what was only lost is tried again.
func TestSizeAfterwards(t *testing.T) {
	columns := []snmpx.OID{admin, detection, port.Append(9), port.Append(10)}
	requests := func(a *snmptest.Agent, c *snmpx.Client) int64 {
		before := a.Stats().Requests()
		_, err := c.Table(t.Context(), columns...)
		require.NoError(t, err)
		return a.Stats().Requests() - before
	}
	a := poeSwitch(48)
	c := dial(t, snmpx.Config{Addr: snmptest.Start(t, a)})
	a.SetFaults(snmptest.Faults{MaxVarbinds: 110})
	requests(a, c)
	learned := requests(a, c)
	for range 100 {
		require.Equal(t, learned, requests(a, c))
	}

	a.SetFaults(snmptest.Faults{})
	c = dial(t, hasty(a.Addr()))
	a.SetFaults(snmptest.Faults{LoseRequest: 1, Only: func(r snmptest.Request) bool { return r.MaxRepetitions > 30 }})
	requests(a, c)
	require.Greater(t, requests(a, c), int64(1))
	a.SetFaults(snmptest.Faults{})
	for requests(a, c) > 1 { // until it asks for all at once again
	}
}

// Some agents are silent to what is too large for them.
func TestSilentToLargeRequests(t *testing.T) {
	a := poeSwitch(48)
	c := dial(t, hasty(snmptest.Start(t, a)))
	a.SetFaults(snmptest.Faults{LoseRequest: 1, Only: func(r snmptest.Request) bool {
		return r.Kind == snmptest.GetBulk && r.MaxRepetitions > 10
	}})
	rows, err := c.Table(t.Context(), admin, detection)
	require.NoError(t, err)
	require.Len(t, rows, 48)
	lost := a.Stats().Lost
	_, err = c.Table(t.Context(), admin, detection)
	require.NoError(t, err)
	require.Equal(t, lost, a.Stats().Lost, "it is remembered")
}

// gosnmp takes request id 0 for any request's, and looks at nothing else.
func TestForeignAnswers(t *testing.T) {
	for name, faults := range map[string]snmptest.Faults{
		"another request id": {WrongRequestID: true},
		"request id 0":       {ZeroRequestID: true},
		"another community":  {WrongCommunity: true},
		"another address":    {OtherAddress: true},
		"half a message":     {Garbled: true},
	} {
		t.Run(name, func(t *testing.T) {
			a := poeSwitch(1)
			c := dial(t, hasty(snmptest.Start(t, a)))
			faults.Decoy = true
			a.SetFaults(faults)
			values, err := c.Get(t.Context(), admin.Append(1, 1))
			require.NoError(t, err)
			require.Equal(t, snmpx.Integer(1), values[0], "the first answer was not to be believed")

			faults.Decoy = false
			a.SetFaults(faults)
			_, err = c.Get(t.Context(), admin.Append(1, 1))
			require.ErrorIs(t, err, snmpx.ErrTimeout)
		})
	}
}

func TestAnySource(t *testing.T) {
	a := poeSwitch(1)
	config := hasty(snmptest.Start(t, a))
	config.AnySource = true
	c := dial(t, config)
	a.SetFaults(snmptest.Faults{OtherAddress: true})
	values, err := c.Get(t.Context(), admin.Append(1, 1))
	require.NoError(t, err)
	require.Equal(t, snmpx.Integer(-1), values[0], "it came from the other address")
}

func TestBadNetwork(t *testing.T) {
	a := poeSwitch(48)
	c := dial(t, snmpx.Config{Addr: snmptest.Start(t, a), MinTimeout: 20 * time.Millisecond, Retries: 10})
	a.SetFaults(snmptest.Faults{
		Seed: 1, LoseRequest: 0.1, LoseReply: 0.1, Duplicate: 0.3, Reorder: 0.1, Jitter: 2 * time.Millisecond,
		RepeatRequest: 0.2, RepeatDelay: time.Millisecond,
	})
	for i := range 50 {
		rows, err := c.Table(t.Context(), admin, detection)
		require.NoError(t, err)
		require.Len(t, rows, 48)
		want := snmpx.Integer(int32(i%2 + 1))
		require.NoError(t, c.Set(t.Context(), snmpx.Var{OID: admin.Append(1, 1), Value: want}))
	}
	stats := c.Stats()
	require.Positive(t, stats.Retries)
	require.Positive(t, stats.Dropped)
	require.Greater(t, stats.Sent, stats.Retries)
}

// gosnmp writes the length of such a community wrong.
func TestLongCommunity(t *testing.T) {
	a := poeSwitch(1)
	a.ReadCommunity = strings.Repeat("long", 50)
	c := dial(t, snmpx.Config{Addr: snmptest.Start(t, a), Credentials: snmpx.Credentials{V2c: snmpx.V2c{Read: snmpx.Secret(a.ReadCommunity)}}})
	values, err := c.Get(t.Context(), admin.Append(1, 1))
	require.NoError(t, err)
	require.Equal(t, snmpx.Integer(1), values[0])
}

func TestWrongCommunity(t *testing.T) {
	config := hasty(snmptest.Start(t, poeSwitch(1)))
	config.Credentials = snmpx.Credentials{V2c: snmpx.V2c{Read: "guessed"}}
	_, err := dial(t, config).Get(t.Context(), sysUpTime)
	require.ErrorIs(t, err, snmpx.ErrTimeout)
	require.ErrorContains(t, err, "community")
	require.NotContains(t, err.Error(), "guessed")
}

func TestNobodyThere(t *testing.T) {
	a := poeSwitch(1)
	addr := snmptest.Start(t, a)
	c := dial(t, hasty("127.0.0.1:1"))
	_, err := c.Get(t.Context(), sysUpTime)
	require.ErrorIs(t, err, snmpx.ErrTimeout)
	require.ErrorContains(t, err, "nothing listens")
	require.NotEqual(t, addr, c.Target())
}
