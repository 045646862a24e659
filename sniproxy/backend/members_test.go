package backend_test

import (
	"context"
	"io/fs"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/stretchr/testify/require"
)

func TestPoolDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &backend.Pool{Members: members(a, b)}
		p.Report(a, nil, 0)
		p.Report(a, nil, 0)
		n, err := p.Drain(a)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		require.Equal(t, []netip.AddrPort{b}, ready(t, p), "not even as the last resort")
		require.Equal(t, []string{"draining", "up"}, states(p))

		idle := make(chan error, 1)
		go func() { idle <- p.WaitIdle(t.Context(), a) }()
		p.Closed(a)
		synctest.Wait()
		require.Empty(t, idle)
		require.Equal(t, 1, p.Status()[0].Active)
		p.Closed(a)
		require.NoError(t, <-idle)
		require.NoError(t, p.WaitIdle(t.Context(), a), "it is idle already")

		_, err = p.Drain(b)
		require.NoError(t, err)
		_, _, err = p.Ready(nil, query)
		require.ErrorIs(t, err, backend.ErrNoBackend)
		require.NoError(t, p.Resume(a))
		require.Equal(t, []netip.AddrPort{a}, ready(t, p))
		_, err = p.Drain(c)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.ErrorIs(t, p.Resume(c), fs.ErrNotExist)

		p.Report(a, nil, 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, p.WaitIdle(ctx, a), context.DeadlineExceeded)
	})
}

func TestPoolReplacesMembers(t *testing.T) {
	p := &backend.Pool{Members: members(a, b)}
	p.Report(a, nil, 0)
	fail(p, b, 3)
	p.Replace(members(b, c, 3, c))
	require.Equal(t, []string{"cooling", "up", "up"}, states(p), "b keeps its health, a is listed last")
	all := p.Status()
	require.Equal(t, []netip.AddrPort{b, c, a}, []netip.AddrPort{all[0].Addr, all[1].Addr, all[2].Addr})
	require.Equal(t, 3, all[1].Weight)
	require.True(t, all[2].Removed)
	require.Equal(t, 1, all[2].Active)
	require.Equal(t, []netip.AddrPort{c, b}, ready(t, p))
	_, err := p.Drain(a)
	require.ErrorIs(t, err, fs.ErrNotExist)

	p.Replace(members(a, b)) // it comes back
	require.Equal(t, 1, p.Status()[0].Active)
	p.Replace(members(b))
	p.Closed(a)
	require.Len(t, p.Status(), 1, "the last connection has ended")
	p.Report(a, nil, 0) // one that was on its way
	p.Closed(a)
}

func TestValidateMembers(t *testing.T) {
	require.NoError(t, backend.ValidateMembers(members(a, 1000, b)))
	for want, list := range map[string][]backend.Member{
		"needs an address": members(netip.AddrPort{}),
		"and a port":       members(netip.AddrPortFrom(a.Addr(), 0)),
		"weight 1001":      members(a, 1001),
		"weight -1":        members(a, -1),
		"listed twice":     members(a, b, a),
	} {
		require.ErrorContains(t, backend.ValidateMembers(list), want)
	}
}
