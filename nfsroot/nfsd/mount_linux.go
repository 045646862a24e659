package nfsd

import (
	"errors"
	"path"

	"golang.org/x/sys/unix"
)

var mountProcedures = []func(*call){
	func(*call) {}, (*call).mnt, (*call).dump, (*call).umnt, (*call).umntAll, (*call).exportList,
}

// mnt is procedure 1: the handle of a directory by its path, as it is now.
func (k *call) mnt() {
	dir := k.in.string(maxMountPath)
	if k.in.bad {
		return
	}
	wire, err := k.mountAt(dir)
	if err != nil {
		k.e.log.Warn("nfsd: mount refused", "client", k.conn.client.addr, "path", dir, "err", err)
		k.out.uint32(mountStatus(err))
		return
	}
	k.e.log.Info("nfsd: mounted", "client", k.conn.client.addr, "path", dir)
	k.e.mounts.add(mounted{k.conn.client.addr, dir})
	k.out.uint32(mountOK)
	k.out.opaque(wire)
	k.out.uint32(1)
	k.out.uint32(flavourSys)
}

var errPort = errors.New("nfsd: client's port is not a privileged one")

func (k *call) mountAt(dir string) ([]byte, error) {
	if !k.conn.trusted {
		return nil, errors.Join(errPort, unix.EACCES)
	}
	s, rest, ok := k.e.table.Load().under(path.Clean("/"+dir), k.conn.client.addr)
	if !ok {
		return nil, unix.EACCES // whether it exists is nobody's business
	}
	fd, err := s.openBelow(rest)
	if err != nil {
		return nil, err
	}
	var raw rawHandle
	if _, err := rawHandleOf(fd, "", &raw); err != nil {
		unix.Close(fd)
		return nil, err
	}
	volume, _, err := s.learn(fd, k.e.seal)
	if err != nil {
		return nil, err
	}
	h := handle{kind: uint8(raw.kind), export: s.ID, root: rootID(k.e.seal, volume, raw.bytes()), volume: volume, file: raw.bytes()}
	wire := h.body(nil)
	mac := k.e.seal.mac(wire, s.Path)
	return append(wire, mac[:]...), nil
}

func mountStatus(err error) uint32 {
	switch statusOf(err) {
	case statusNoEnt:
		return mountNoEnt
	case statusNotDir:
		return mountNotDir
	case statusAccess, statusPerm, statusInval, statusXDev: // a symlink, or a way out
		return mountAccess
	}
	return mountServerFault
}

// dump is procedure 2. A client is told of itself.
func (k *call) dump() {
	for _, p := range k.e.mounts.of(k.conn.client.addr) {
		k.out.bool(true)
		k.out.string(k.conn.client.addr.String())
		k.out.string(p)
	}
	k.out.bool(false)
}

// umnt is procedure 3.
func (k *call) umnt() {
	if dir := k.in.string(maxMountPath); !k.in.bad && dir != "" {
		k.e.mounts.remove(k.conn.client.addr, dir)
	}
}

// umntAll is procedure 4.
func (k *call) umntAll() { k.e.mounts.remove(k.conn.client.addr, "") }

// exportList is procedure 5. A client is told of what is for it.
func (k *call) exportList() {
	for _, s := range k.e.table.Load().list {
		if !s.Client.Contains(k.conn.client.addr) {
			continue
		}
		k.out.bool(true)
		k.out.string(s.Path)
		k.out.bool(true)
		k.out.string(s.Client.Addr().String())
		k.out.bool(false)
	}
	k.out.bool(false)
}

const (
	protocolTCP = 6
	portmapPort = 111
)

// portmapProcedures are those of version 2; SET, UNSET and CALLIT are not for
// strangers, and nobody else is asked for.
var portmapProcedures = []func(*call){
	0: func(*call) {}, 3: (*call).getPort, 4: (*call).dumpPorts,
}

// getPort is procedure 3 of portmap.
func (k *call) getPort() {
	program, version, protocol := k.in.uint32(), k.in.uint32(), k.in.uint32()
	k.in.uint32()
	port := uint32(0)
	if version == 2 && program == programPortmap {
		port = portmapPort
	}
	if version == 3 && protocol == protocolTCP && (program == programNFS || program == programMount) {
		port = uint32(k.conn.port)
	}
	k.out.uint32(port)
}

// dumpPorts is procedure 4 of portmap.
func (k *call) dumpPorts() {
	for _, v := range [][4]uint32{
		{programPortmap, 2, protocolTCP, portmapPort},
		{programNFS, 3, protocolTCP, uint32(k.conn.port)},
		{programMount, 3, protocolTCP, uint32(k.conn.port)},
	} {
		k.out.bool(true)
		for _, w := range v {
			k.out.uint32(w)
		}
	}
	k.out.bool(false)
}
