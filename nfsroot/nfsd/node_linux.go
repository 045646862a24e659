package nfsd

import (
	"crypto/subtle"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// node is a file that a client has a handle of, kept open as a path.
type node struct {
	key    string // the handle without its MAC
	mac    [handleMAC]byte
	export *served
	handle handle
	mount  int // the kernel's number of the mount it is on
	fd     int // O_PATH

	refs       int // guarded by the cache, as are the next ones
	dead       bool
	used       time.Time
	prev, next *node

	mu             sync.Mutex // guards what follows
	reader, writer int        // -1: not opened
}

func (n *node) isRoot(seal *sealer) bool {
	return rootID(seal, n.handle.volume, n.handle.file) == n.handle.root
}

func rootID(seal *sealer, volume uint32, file []byte) uint32 {
	return seal.id("root", []byte{byte(volume >> 24), byte(volume >> 16), byte(volume >> 8), byte(volume)}, file)
}

// wire is the handle as clients have it.
func (n *node) wire(b []byte) []byte { return append(append(b, n.key...), n.mac[:]...) }

func (n *node) stat() (unix.Stat_t, error) {
	st, err := fstat(n.fd)
	if err == nil && st.Nlink == 0 { // only this server keeps it alive
		err = unix.ESTALE
	}
	return st, err
}

// forReading is a descriptor that reads the file, or lists and syncs the directory.
func (n *node) forReading() (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return openOnce(&n.reader, n.fd, unix.O_RDONLY)
}

func (n *node) forWriting() (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return openOnce(&n.writer, n.fd, unix.O_WRONLY)
}

func openOnce(kept *int, fd, flags int) (int, error) {
	if *kept < 0 {
		got, err := reopen(fd, flags)
		if err != nil {
			return -1, err
		}
		*kept = got
	}
	return *kept, nil
}

func (n *node) close() {
	for _, fd := range []int{n.fd, n.reader, n.writer} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// cache keeps nodes by handle, those used last.
type cache struct {
	limit int

	mu   sync.Mutex // guards what follows, and the marked fields of nodes
	m    map[string]*node
	ends node // next is the node used last, prev the one longest ago
}

func newCache(limit int) *cache {
	c := &cache{limit: limit, m: map[string]*node{}}
	c.ends.prev, c.ends.next = &c.ends, &c.ends
	return c
}

// get is the node of a handle, to be given back by put. Nil means that it is not
// here, wrong that it is and the MAC differs.
func (c *cache) get(body, mac []byte) (n *node, wrong bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = c.m[string(body)]
	if n == nil {
		return nil, false
	}
	if mac != nil && subtle.ConstantTimeCompare(n.mac[:], mac) == 0 {
		return nil, true
	}
	n.refs++
	n.used = time.Now()
	n.unlink()
	c.first(n)
	return n, false
}

// add takes a node in, or returns the one that another call was quicker with.
func (c *cache) add(n *node) *node {
	c.mu.Lock()
	if old := c.m[n.key]; old != nil {
		old.refs++
		c.mu.Unlock()
		n.close()
		return old
	}
	n.refs = 1
	n.used = time.Now()
	c.m[n.key] = n
	c.first(n)
	gone := c.excess()
	c.mu.Unlock()
	closeAll(gone)
	return n
}

func (c *cache) put(n *node) {
	c.mu.Lock()
	n.refs--
	last := n.dead && n.refs == 0
	c.mu.Unlock()
	if last {
		n.close()
	}
}

// drop forgets a file that was removed.
func (c *cache) drop(key []byte) {
	c.mu.Lock()
	n := c.m[string(key)]
	var gone []*node
	if n != nil {
		gone = c.remove(n, nil)
	}
	c.mu.Unlock()
	closeAll(gone)
}

// forget drops the nodes that were not used for so long, in one export or in all.
func (c *cache) forget(after time.Duration, of *served) {
	c.mu.Lock()
	var gone []*node
	for _, n := range c.m {
		if (of == nil || n.export == of) && time.Since(n.used) >= after {
			gone = c.remove(n, gone)
		}
	}
	c.mu.Unlock()
	closeAll(gone)
}

func (c *cache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.m)
}

// excess removes what is over the limit; the caller closes it.
func (c *cache) excess() (gone []*node) {
	for n := c.ends.prev; len(c.m) > c.limit && n != &c.ends; {
		before := n.prev
		if n.refs == 0 {
			gone = c.remove(n, gone)
		}
		n = before
	}
	return gone
}

// remove takes a node out, and adds it to those that can be closed now.
func (c *cache) remove(n *node, gone []*node) []*node {
	delete(c.m, n.key)
	n.unlink()
	n.dead = true
	if n.refs == 0 {
		gone = append(gone, n)
	}
	return gone
}

func (c *cache) first(n *node) {
	n.prev, n.next = &c.ends, c.ends.next
	n.prev.next, n.next.prev = n, n
}

func (n *node) unlink() { n.prev.next, n.next.prev = n.next, n.prev }

func closeAll(nodes []*node) {
	for _, n := range nodes {
		n.close()
	}
}
