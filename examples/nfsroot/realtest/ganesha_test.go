package realtest

import (
	"github.com/mythic-beasts/hostkit/internal/ganeshatest"
)

// ganesha starts the NFS server with what the program says it must export.
func (r *rack) ganesha() *ganeshatest.Server {
	r.t.Helper()
	bind := r.machines[0].server
	return ganeshatest.Start(r.t, r.ns, bind, r.nfsroot("exports", "-format", "ganesha", "-bind", bind.String()))
}
