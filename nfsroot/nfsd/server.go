package nfsd

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot/export"
)

// Defaults of [Server].
const (
	DefaultMaxConnsPerClient = 16
	DefaultMaxInFlight       = 64
	DefaultMaxClientMemory   = 32 << 20
	DefaultMaxOpen           = 4096
	DefaultIdle              = 15 * time.Minute
)

// Server serves directories of this system by NFS version 3 over TCP. Only
// Exports is needed. Fields are not to be changed once Serve was called; to
// change the exports there is [Server.SetExports]. All Serve calls on one Server
// share its state.
//
// It needs Linux 5.8 and root's capabilities: files are opened by handle, and
// each operation is made as the user who asked for it.
type Server struct {
	// Exports says what is served, and to whom.
	Exports []export.Export
	// Key signs file handles: [KeySize] bytes, as of [LoadKey]. With the same
	// key, handles hold over a restart. Nil means a new one, so that clients
	// must mount again after a restart.
	Key []byte
	// Log gets a line per connection at its end, and what went wrong. Nil means
	// none.
	Log *slog.Logger

	// Async replies to changes of folders and attributes before they are on
	// stable storage, which RFC 1813 forbids: what a client was told is lost
	// when this system loses power. WRITE and COMMIT keep to the RFC in any case.
	Async bool
	// InsecurePorts serves clients whose port is not below 1024, which on the
	// client's system any user can have.
	InsecurePorts bool

	// MaxConnsPerClient bounds the connections of one address. Zero means
	// [DefaultMaxConnsPerClient].
	MaxConnsPerClient int
	// MaxInFlight bounds the calls that one connection has under way. Zero means
	// [DefaultMaxInFlight]. More are not read from the connection until then.
	MaxInFlight int
	// MaxClientMemory bounds what the calls of one address take, in bytes. Zero
	// means [DefaultMaxClientMemory]; it is at least one call of the largest kind
	// for each connection and two more.
	MaxClientMemory int
	// MaxOpen bounds the files that are kept open for clients. Zero means
	// [DefaultMaxOpen]. Each takes up to three descriptors.
	MaxOpen int
	// Idle is how long a connection may be silent, and how long a client may
	// take to accept a reply. Zero means [DefaultIdle].
	Idle time.Duration

	once   sync.Once
	engine *engine
	err    error
}

// Serve answers NFS and MOUNT calls from the connections of l until ctx ends,
// and returns nil then; it returns l's error when that fails. In any case it
// closes l, and waits for the calls that are under way.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	return s.serve(ctx, l, 0)
}

// ServePortmap answers where NFS and MOUNT are (RFC 1833, version 2) on l, which
// clients expect at port 111: at the TCP port given. Like Serve it ends with
// ctx, and answers the clients of exports only.
func (s *Server) ServePortmap(ctx context.Context, l net.Listener, port uint16) error {
	return s.serve(ctx, l, port)
}

// ServePortmapPacket is ServePortmap for UDP, by which rpcinfo and showmount ask.
// What it answers are still TCP ports.
func (s *Server) ServePortmapPacket(ctx context.Context, pc net.PacketConn, port uint16) error {
	defer pc.Close()
	s.start()
	if s.err != nil {
		return s.err
	}
	return s.engine.servePackets(ctx, pc, port)
}

func (s *Server) serve(ctx context.Context, l net.Listener, port uint16) error {
	defer l.Close()
	s.start()
	if s.err != nil {
		return s.err
	}
	return s.engine.serve(ctx, l, port)
}

// SetExports replaces the exports. Handles of an export whose ID, Path and
// Client stay go on working; those of one that is gone are stale at once.
func (s *Server) SetExports(exports []export.Export) error {
	s.start()
	if s.err != nil {
		return s.err
	}
	return s.engine.setExports(exports)
}

// Flush closes the files that are kept open, except those in use this moment, so
// that a file system can be unmounted or a removed tree's space comes back.
// Clients notice nothing: files are opened again by handle.
func (s *Server) Flush() {
	s.start()
	if s.err == nil {
		s.engine.flush()
	}
}

// Stats returns how much was done so far.
func (s *Server) Stats() Stats {
	s.start()
	if s.err != nil {
		return Stats{}
	}
	return s.engine.stats()
}

func (s *Server) start() {
	s.once.Do(func() {
		s.engine, s.err = newEngine(s.options())
	})
}

// options is a Server's fields with the zeros replaced.
func (s *Server) options() options {
	return options{
		exports:  s.Exports,
		key:      s.Key,
		log:      cmp.Or(s.Log, slog.New(slog.DiscardHandler)),
		async:    s.Async,
		insecure: s.InsecurePorts,
		conns:    cmp.Or(s.MaxConnsPerClient, DefaultMaxConnsPerClient),
		inFlight: cmp.Or(s.MaxInFlight, DefaultMaxInFlight),
		// With one record read on each connection there is room for a reply.
		memory: max(cmp.Or(s.MaxClientMemory, DefaultMaxClientMemory), (cmp.Or(s.MaxConnsPerClient, DefaultMaxConnsPerClient)+2)*maxRecord),
		open:   cmp.Or(s.MaxOpen, DefaultMaxOpen),
		idle:   cmp.Or(s.Idle, DefaultIdle),
	}
}

type options struct {
	exports               []export.Export
	key                   []byte
	log                   *slog.Logger
	async, insecure       bool
	conns, inFlight, open int
	memory                int
	idle                  time.Duration
}

// Stats counts what a [Server] did.
type Stats struct {
	// Conns is how many connections there are, Refused how many were closed
	// unread: from a stranger, an insecure port, or beyond the limit.
	Conns, Refused uint64
	// Calls counts NFS calls by procedure name.
	Calls map[string]uint64
	// Failed counts NFS calls that ended in an error, of which a missing file
	// is one.
	Failed uint64
	// Replayed counts calls that came again and were answered from memory.
	Replayed uint64
	// BytesRead and BytesWritten are file data.
	BytesRead, BytesWritten uint64
	// Open is how many files are kept open.
	Open int
}
