package boot

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
)

// Mount is how to call mount(2).
type Mount struct {
	Source   string // SERVER:PATH
	Type     string // "nfs" or "nfs4"
	Data     string // options
	ReadOnly bool

	Server  netip.Addr
	Path    string
	Version bootparam.Version
	Port    uint16 // of the service that must answer first
	UDP     bool
}

const nfsPort = 2049

// Mount says how to mount the root: as nfsroot= says and, where it says nothing,
// as DHCP does. The kernel resolves no names and speaks to portmap and MOUNT by
// itself, see nfs(5) and fs/nfs/fs_context.c.
func (p Params) Mount(l Lease) (Mount, error) {
	root, err := p.nfsRoot(l)
	if err != nil {
		return Mount{}, err
	}
	root.Options = slices.Clone(root.Options)
	m := Mount{
		Type: "nfs", ReadOnly: p.ReadOnly, Server: root.Server, Path: root.Dir(l.Addr.Addr(), l.Hostname),
		Version: root.Version, Port: root.Port, UDP: root.Transport == bootparam.UDP,
	}
	if m.Version == 0 {
		m.Version, root.Version = bootparam.V3, bootparam.V3
	}
	if m.Port == 0 {
		m.Port = nfsPort
	}
	m.Source = root.Server.String() + ":" + m.Path
	if m.Version.Major() == 4 {
		m.Type = "nfs4"
		root.NoLock = false // locks are part of version 4
		root.Options = append(root.Options, "clientaddr="+l.Addr.Addr().String())
	} else {
		root.NoLock = true // there is no statd before there is a root
		if root.Transport == "" {
			root.Transport = bootparam.TCP
		}
	}
	root.Options = append(root.Options, "addr="+root.Server.String())
	m.Data = root.MountOptions()
	return m, nil
}

// nfsRoot fills in what nfsroot= leaves open.
func (p Params) nfsRoot(l Lease) (bootparam.NFSRoot, error) {
	var root bootparam.NFSRoot
	if p.NFSRoot != nil {
		root = *p.NFSRoot
	}
	if l.RootPath != "" && root.Path == "" {
		offered, err := bootparam.ParseNFSRoot(l.RootPath)
		if err != nil {
			return bootparam.NFSRoot{}, fmt.Errorf("the root-path that DHCP gives: %w", err)
		}
		if root.MountOptions() == "" {
			server := root.Server
			root = offered
			if server.IsValid() {
				root.Server = server
			}
		}
		root.Path = offered.Path
		if !root.Server.IsValid() {
			root.Server = offered.Server
		}
	}
	if !root.Server.IsValid() {
		root.Server = l.Server
	}
	if root.Path == "" {
		root.Path = "/tftpboot/%s" // the kernel's default
	}
	if !root.Server.IsValid() {
		return bootparam.NFSRoot{}, fmt.Errorf("neither nfsroot=, ip= nor DHCP names the NFS server")
	}
	if !strings.HasPrefix(root.Path, "/") {
		return bootparam.NFSRoot{}, fmt.Errorf("the root's path %q is not absolute", root.Path)
	}
	return root, nil
}
