package main

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/export"
	"github.com/mythic-beasts/hostkit/vlan/render"
)

// What is rendered for the NFS server is what nfsroot/export reads and would
// write: one address for each root, and the same file system ids, so that a rack
// can change from one to the other while it runs.
func TestExportsAreThoseOfNFSRoot(t *testing.T) {
	p := examplePlan(t)
	files, err := render.Exports(p, render.Options{})
	require.NoError(t, err)
	exports, err := export.ParseExports(strings.NewReader(files[0].Text))
	require.NoError(t, err)
	require.Len(t, exports, len(p.Pis))
	for i, pi := range p.Pis {
		require.Equal(t, p.FileServer.Export(pi), exports[i].Path)
		require.Equal(t, netip.PrefixFrom(pi.Addr, 32), exports[i].Client)
		require.Equal(t, export.FSID(pi.Name), exports[i].FSID)
		require.False(t, exports[i].SquashRoot || exports[i].ReadOnly)
	}
	var again strings.Builder
	require.NoError(t, export.WriteExports(&again, exports))
	_, lines, _ := strings.Cut(files[0].Text, "\n")
	require.Equal(t, again.String(), lines)
}
