package nfsd

import (
	"context"
	"log/slog"

	"golang.org/x/sys/unix"
)

// call is one RPC call and its reply.
type call struct {
	header
	conn     *conn
	e        *engine
	in       decoder
	out      encoder
	buf      []byte // what in is in
	reserved int    // of the client's memory
	status   status // of an NFS call
}

// free gives back what the call took.
func (k *call) free() {
	if k.buf != nil {
		k.e.pools.put(k.buf)
	}
	if k.out.b != nil {
		k.e.pools.put(k.out.b)
	}
	if k.reserved > 0 {
		k.conn.client.release(k.reserved)
	}
}

// room makes the reply's buffer hold n bytes more.
func (k *call) room(n int) bool {
	if len(k.out.b)+n <= cap(k.out.b) {
		return true
	}
	if !k.conn.client.reserve(n, k.e.memory, k.conn.stop) {
		return false
	}
	k.reserved += n
	larger := append(k.e.pools.get(len(k.out.b)+n), k.out.b...)
	k.e.pools.put(k.out.b)
	k.out.b = larger
	return true
}

// quick reports whether a call neither waits for a disk nor needs another
// identity: it is then made by the goroutine that reads calls.
func (k *call) quick() bool {
	if k.program != programNFS || k.version != 3 || k.procedure != procGetAttr || k.flavour != flavourSys || !k.conn.trusted {
		return false
	}
	peek := k.in
	_, body, mac, err := parseHandle(peek.opaque(64))
	if err != nil {
		return false
	}
	n, _ := k.e.files.get(body, mac)
	if n == nil {
		return false
	}
	k.e.files.put(n)
	return true
}

// serve makes the reply.
func (k *call) serve() {
	beginReply(&k.out, k.xid, acceptSuccess)
	switch {
	case k.badRPCVersion:
		rejectReply(&k.out, k.xid, rejectRPCMismatch, 2, 2)
	case k.badCredential:
		rejectReply(&k.out, k.xid, rejectAuth, authBadCredentials)
	case k.conn.port != 0:
		k.serveProgram(programPortmap, 2, portmapProcedures)
	case k.program == programMount:
		k.serveProgram(programMount, 3, mountProcedures)
	default:
		k.serveProgram(programNFS, 3, nfsProcedures)
	}
}

func (k *call) serveProgram(program, version uint32, procs []func(*call)) {
	switch {
	case k.program != program:
		beginReply(&k.out, k.xid, acceptNoProgram)
	case k.version != version:
		beginReply(&k.out, k.xid, acceptMismatch)
		k.out.uint32(version)
		k.out.uint32(version)
	case k.procedure >= uint32(len(procs)) || procs[k.procedure] == nil:
		beginReply(&k.out, k.xid, acceptNoProcedure)
	case program == programNFS && k.procedure != procNull && (k.flavour != flavourSys || !k.conn.trusted):
		rejectReply(&k.out, k.xid, rejectAuth, authTooWeak)
	case program == programNFS:
		k.serveNFS(procs[k.procedure])
	default:
		procs[k.procedure](k)
	}
	if k.in.bad {
		beginReply(&k.out, k.xid, acceptGarbage)
	}
}

// serveNFS makes a call, or finds what it was answered before.
func (k *call) serveNFS(proc func(*call)) {
	k.e.calls[k.procedure].Add(1)
	if !repeatable[k.procedure] {
		key := keyOf(k.header, k.in.b)
		kept, known := k.conn.client.replay.begin(key)
		if known {
			<-kept.done
			k.e.replayed.Add(1)
			k.out.b = append(k.out.b[:replyHeader], kept.body...)
			return
		}
		defer func() { kept.end(k.out.b[min(replyHeader, len(k.out.b)):]) }()
	}
	proc(k)
	if k.status != statusOK {
		k.e.failed.Add(1)
		k.e.log.LogAttrs(context.Background(), slog.LevelDebug, "nfsd: call failed", slog.Any("client", k.conn.client.addr),
			slog.String("procedure", procedureNames[k.procedure]), slog.Uint64("status", uint64(k.status)))
	}
}

// repeatable calls do no harm when they are made twice.
var repeatable = [procedures]bool{
	procNull: true, procGetAttr: true, procLookup: true, procAccess: true, procReadLink: true, procRead: true, procWrite: true,
	procReadDir: true, procReadDirPlus: true, procFSStat: true, procFSInfo: true, procPathConf: true, procCommit: true,
}

var nfsProcedures = []func(*call){
	procNull: func(*call) {}, procGetAttr: (*call).getAttr, procSetAttr: (*call).setAttr, procLookup: (*call).lookup,
	procAccess: (*call).access, procReadLink: (*call).readLink, procRead: (*call).read, procWrite: (*call).write,
	procCreate: (*call).create, procMkdir: (*call).mkdir, procSymlink: (*call).symlink, procMknod: (*call).mknod,
	procRemove: (*call).remove, procRmdir: (*call).rmdir, procRename: (*call).rename, procLink: (*call).link,
	procReadDir: (*call).readDir, procReadDirPlus: (*call).readDirPlus, procFSStat: (*call).fsStat,
	procFSInfo: (*call).fsInfo, procPathConf: (*call).pathConf, procCommit: (*call).commit,
}

// begin writes how the call ended.
func (k *call) begin(st status) {
	k.status = st
	k.out.uint32(uint32(st))
}

// fail is a reply without attributes: so many words say that there are none.
func (k *call) fail(err error, words int) {
	k.begin(k.statusOf(err))
	k.out.zeros(words)
}

func (k *call) statusOf(err error) status {
	st := statusOf(err)
	if st == statusServerFault || st == statusIO || st == statusJukebox {
		k.e.log.Warn("nfsd: call failed", "client", k.conn.client.addr, "procedure", procedureNames[k.procedure], "err", err)
	}
	return st
}

// who is the caller as it counts in an export.
func (k *call) who(s *served) credential { return k.credential.local(s.SquashRoot) }

// as runs fn with the caller's rights.
func (k *call) as(s *served, fn func() error) error {
	who := k.who(s)
	if who.isRoot() {
		return fn()
	}
	return k.e.self.do(who, fn)
}

// open is the file of a handle, to be closed by done.
func (k *call) open(fh []byte) (*node, error) {
	h, body, mac, err := parseHandle(fh)
	if err != nil {
		return nil, refusal(statusBadHandle)
	}
	n, wrong := k.e.files.get(body, mac)
	switch {
	case wrong:
		return nil, refusal(statusBadHandle)
	case n == nil:
		return k.e.openHandle(h, body, mac, k.conn.client.addr)
	case !n.export.Client.Contains(k.conn.client.addr):
		k.e.files.put(n)
		return nil, unix.EACCES
	}
	return n, nil
}

// file is the file of a handle that came with the call. Nil means that the
// arguments are bad, or that the call has its reply: an error, and so many words
// that say that there are no attributes.
func (k *call) file(fh []byte, words int) *node {
	if k.in.bad {
		return nil
	}
	n, err := k.open(fh)
	if err != nil {
		k.fail(err, words)
		return nil
	}
	return n
}

func (k *call) done(n *node) { k.e.files.put(n) }

// writable is an error where nothing may be changed.
func writable(n *node) error {
	if n.export.ReadOnly {
		return unix.EROFS
	}
	return nil
}
