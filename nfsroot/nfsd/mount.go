package nfsd

import (
	"net/netip"
	"slices"
	"sync"
)

// MOUNT version 3 (RFC 1813 appendix I): statuses and a limit.
const (
	mountOK          = 0
	mountNoEnt       = 2
	mountAccess      = 13
	mountNotDir      = 20
	mountServerFault = 10006
	maxMountPath     = 1024
)

// mounted is a line of what clients say that they have mounted.
type mounted struct {
	client netip.Addr
	path   string
}

// maxMounted bounds a list that only serves to be looked at.
const maxMounted = 1024

type mountList struct {
	mu   sync.Mutex // guards list
	list []mounted
}

func (l *mountList) add(m mounted) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if slices.Contains(l.list, m) {
		return
	}
	if len(l.list) >= maxMounted {
		l.list = slices.Delete(l.list, 0, 1)
	}
	l.list = append(l.list, m)
}

// remove drops one path of a client's, or all if path is empty.
func (l *mountList) remove(client netip.Addr, path string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = slices.DeleteFunc(l.list, func(m mounted) bool {
		return m.client == client && (path == "" || m.path == path)
	})
}

// of is what one client has mounted.
func (l *mountList) of(client netip.Addr) (paths []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.list {
		if m.client == client {
			paths = append(paths, m.path)
		}
	}
	return paths
}
