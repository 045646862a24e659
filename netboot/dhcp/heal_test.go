package dhcp

import (
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
)

// After a failed write nothing later is taken for durable until the whole
// journal is on the disk again.
func TestJournalHeals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases")
	l, err := OpenLeases(path)
	require.NoError(t, err)
	p := netboot.Pool{First: netip.MustParseAddr("10.0.0.1"), Last: netip.MustParseAddr("10.0.0.9"), Bits: 8}
	ack := func(i byte) Commit {
		c := netboot.Client{MAC: net.HardwareAddr{2, 0, 0, 0, 0, i}}
		commit, ok := l.ack(p, c, netip.AddrFrom4([4]byte{10, 0, 0, i}), time.Hour, time.Unix(1000, 0))
		require.True(t, ok)
		return commit
	}
	first := ack(1)
	durable, err := l.Sync()
	require.NoError(t, err)
	require.Equal(t, first, durable)

	require.NoError(t, l.journal.file.Close()) // stands for a full disk
	second := ack(2)
	durable, err = l.Sync()
	require.Error(t, err)
	require.Less(t, durable, second)

	third := ack(3)
	durable, err = l.Sync()
	require.NoError(t, err)
	require.Equal(t, third, durable)
	require.NoError(t, l.Close())
	l, err = OpenLeases(path)
	require.NoError(t, err)
	require.Len(t, l.All(), 3)
	require.NoError(t, l.Close())
}
