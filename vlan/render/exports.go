package render

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/mythic-beasts/hostkit/vlan"
)

// Exports writes exports(5) for the file server: one line for each Pi, for its
// one address and not for its /30, with a file system id that depends on its name
// alone and so stays when anything else changes.
func Exports(p *vlan.Plan, _ Options) ([]File, error) {
	if err := checkPlan(p); err != nil {
		return nil, err
	}
	var l lines
	l.add("# The Pis' roots. Made from the plan: changes will be lost.")
	for _, pi := range p.Pis {
		l.add("%s %s(rw,sync,secure,no_subtree_check,no_root_squash,sec=sys,fsid=%s)", p.FileServer.Export(pi), pi.Addr, fsid(pi.Name))
	}
	return server("etc/exports.d/pi-vlans.exports", &l), nil
}

// fsid is the identifier in file handles, the same that nfsroot/export gives to
// the name: servers that change from one to the other keep their clients.
func fsid(name string) string {
	sum := sha256.Sum256([]byte("hostkit nfsroot export\x00" + name))
	id := max(1, binary.BigEndian.Uint64(sum[:]))
	return fmt.Sprintf("00000000-0000-0000-%04x-%012x", id>>48, id&(1<<48-1))
}
