package nfsd

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/nfsroot/export"
)

const (
	tidyEvery   = 10 * time.Second
	keepOpen    = 30 * time.Second // a file that no call was about
	keepReplies = 15 * time.Minute
)

// engine is a Server at work.
type engine struct {
	options
	self     identity
	seal     *sealer
	files    *cache
	pools    pools
	clients  clients
	mounts   mountList
	table    atomic.Pointer[exportTable]
	verifier atomic.Uint64 // of writes: changes when data may have been lost
	changes  [64]sync.Mutex
	lockSeed maphash.Seed
	setMu    sync.Mutex // one setExports at a time
	serving  atomic.Int64

	calls                                        [procedures]atomic.Uint64
	failed, replayed, refused, bytesIn, bytesOut atomic.Uint64
}

func newEngine(o options) (*engine, error) {
	self, err := processIdentity()
	if err != nil {
		return nil, err
	}
	switch len(o.key) {
	case 0:
		o.key = make([]byte, KeySize)
		_, _ = rand.Read(o.key) // never fails
	case KeySize:
	default:
		return nil, fmt.Errorf("nfsd: Key has %d bytes, not %d", len(o.key), KeySize)
	}
	e := &engine{
		options: o, self: self, seal: newSealer(o.key), files: newCache(o.open), lockSeed: maphash.MakeSeed(),
		clients: clients{limit: o.conns, m: map[netip.Addr]*client{}},
	}
	e.newVerifier()
	if err := e.setExports(o.exports); err != nil {
		return nil, err
	}
	return e, nil
}

// newVerifier tells clients to send again what they did not commit.
func (e *engine) newVerifier() {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	d := decoder{b: b[:]}
	e.verifier.Store(d.uint64())
}

func (e *engine) setExports(exports []export.Export) error {
	e.setMu.Lock()
	defer e.setMu.Unlock()
	old := e.table.Load()
	t, err := newExportTable(exports, old)
	if err != nil {
		return err
	}
	e.table.Store(t)
	if old == nil {
		return nil
	}
	for _, s := range old.list {
		if t.byID[s.ID] != s {
			s.close()
			e.files.forget(0, s)
		}
	}
	return nil
}

func (e *engine) flush() {
	e.files.forget(0, nil)
	for _, s := range e.table.Load().list {
		s.flush()
	}
}

func (e *engine) stats() Stats {
	st := Stats{
		Conns: e.clients.count(), Refused: e.refused.Load(), Calls: map[string]uint64{},
		Failed: e.failed.Load(), Replayed: e.replayed.Load(), Open: e.files.len(),
		BytesRead: e.bytesOut.Load(), BytesWritten: e.bytesIn.Load(),
	}
	for i := range e.calls {
		if n := e.calls[i].Load(); n > 0 {
			st.Calls[procedureNames[i]] = n
		}
	}
	return st
}

func (e *engine) serve(ctx context.Context, l net.Listener, port uint16) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	e.serving.Add(1)
	defer func() {
		if e.serving.Add(-1) == 0 {
			e.flush()
		}
	}()
	var all sync.WaitGroup
	defer all.Wait()
	work, cancel := context.WithCancel(ctx)
	defer cancel()
	all.Go(func() { e.tidy(work) })
	for {
		nc, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if nc != nil {
				nc.Close()
			}
			return nil
		case errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ECONNABORTED):
			e.log.Warn("nfsd: accept", "err", err)
			e.files.forget(0, nil)
			pause(ctx, 50*time.Millisecond)
		case err != nil:
			return fmt.Errorf("nfsd: accept: %w", err)
		default:
			all.Go(func() { e.connection(work, nc, port) })
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}

// tidy closes what is not used until ctx ends.
func (e *engine) tidy(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			e.files.forget(keepOpen, nil)
			e.clients.forget(keepReplies)
		}
	}
}

// admit decides on a new connection. Nil means no. Trusted is whether only root
// of the client can have made it.
func (e *engine) admit(nc net.Conn) (c *client, trusted bool) {
	peer, err := netip.ParseAddrPort(nc.RemoteAddr().String())
	if err != nil {
		return nil, false
	}
	addr := peer.Addr().Unmap().WithZone("")
	if !e.table.Load().allows(addr) {
		e.log.Debug("nfsd: connection of a stranger", "client", addr)
		return nil, false
	}
	c = e.clients.enter(addr)
	if c == nil {
		e.log.Warn("nfsd: too many connections", "client", addr)
	}
	return c, e.insecure || peer.Port() < 1024
}

func (e *engine) connection(ctx context.Context, nc net.Conn, port uint16) {
	defer nc.Close()
	cl, trusted := e.admit(nc)
	if cl == nil {
		e.refused.Add(1)
		return
	}
	defer e.clients.leave(cl)
	began := time.Now()
	c := newConn(e, nc, cl, port, trusted)
	err := c.run(ctx)
	e.log.LogAttrs(ctx, slog.LevelInfo, "nfsd: connection", slog.Any("client", cl.addr), slog.Uint64("calls", c.calls),
		slog.Duration("took", time.Since(began)), slog.Any("err", err))
}

// lockFor serialises changes of one directory or file, so that what is told of
// it before and after a change is about that change.
func (e *engine) lockFor(n *node) int {
	return int(maphash.Bytes(e.lockSeed, n.handle.file) % uint64(len(e.changes)))
}

func (e *engine) lock(n *node) (unlock func()) {
	mu := &e.changes[e.lockFor(n)]
	mu.Lock()
	return mu.Unlock
}

// lockBoth is lock for two, in one order.
func (e *engine) lockBoth(a, b *node) (unlock func()) {
	i, j := e.lockFor(a), e.lockFor(b)
	if i == j {
		return e.lock(a)
	}
	first, second := &e.changes[min(i, j)], &e.changes[max(i, j)]
	first.Lock()
	second.Lock()
	return func() { second.Unlock(); first.Unlock() }
}

// openHandle opens a file by a handle that a client sent and that is not kept.
func (e *engine) openHandle(h handle, body, mac []byte, client netip.Addr) (*node, error) {
	s := e.table.Load().byID[h.export]
	if s == nil {
		return nil, unix.ESTALE
	}
	if sum := e.seal.mac(body, s.Path); !hmac.Equal(sum[:], mac) {
		e.log.Warn("nfsd: handle that this server did not make", "client", client)
		return nil, refusal(statusBadHandle)
	}
	if !s.Client.Contains(client) {
		e.log.Warn("nfsd: handle of another client's export", "client", client, "export", s.ID)
		return nil, unix.EACCES
	}
	return e.openFile(s, h, body)
}

// openFile opens a file by a handle that is known to be good. Body is the handle
// without its MAC.
func (e *engine) openFile(s *served, h handle, body []byte) (*node, error) {
	raw := rawHandle{size: uint32(len(h.file)), kind: int32(h.kind)}
	copy(raw.data[:], h.file)
	n := &node{key: string(body), mac: e.seal.mac(body, s.Path), export: s, fd: -1, reader: -1, writer: -1}
	n.handle, _, _, _ = parseHandle(n.wire(nil))
	err := s.withVolume(h.volume, e.seal, func(v *volume) (err error) {
		n.mount = v.mount
		n.fd, err = openRaw(v.fd, &raw)
		return err
	})
	if err != nil {
		return nil, err
	}
	return e.files.add(n), nil
}

// child is the node of a name in a directory, as who may look it up.
func (k *call) child(dir *node, name string) (*node, error) {
	var raw rawHandle
	var mount int
	err := k.as(dir.export, func() (err error) {
		mount, err = rawHandleOf(dir.fd, name, &raw)
		return err
	})
	if err != nil {
		return nil, err
	}
	if mount != dir.mount { // another file system is mounted there
		return nil, unix.EACCES
	}
	return k.e.nodeOf(dir, &raw)
}

// nodeOf is the node of a file that was found in a directory.
func (e *engine) nodeOf(dir *node, raw *rawHandle) (*node, error) {
	h := dir.handle
	h.kind, h.file = uint8(raw.kind), raw.bytes()
	body := h.body(make([]byte, 0, 64))
	if n, _ := e.files.get(body, nil); n != nil {
		return n, nil
	}
	return e.openFile(dir.export, h, body)
}
