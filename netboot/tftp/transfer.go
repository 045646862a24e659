package tftp

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// transfer is one file on its way to one client. Its goroutine is run.
type transfer struct {
	serving *serving
	conf    *config
	arrival arrival
	key     key
	clientKey
	raw    []byte // the request as it came, to know it again
	ctx    context.Context
	cancel context.CancelCauseFunc

	now     atomic.Int32 // its phase
	movedAt atomic.Int64 // when the client last made progress, in Unix nanoseconds

	mu    sync.Mutex // guards link and first, for again
	link  link       // nil until the file is open
	first []byte     // the first packet while it is the last

	request Request
	granted []option
	params  params
	began   time.Time
	exchange
}

// phase is how far a transfer got.
type phase int32

const (
	opening  phase = iota // in the Handler
	waiting               // for the client's first answer
	answered              // the client's address is real
)

func newTransfer(s *serving, a arrival, q readRequest, raw []byte) *transfer {
	l := s.conf.limits
	l.block = min(l.block, a.blockLimit(s.conf.mtu))
	t := &transfer{
		serving: s, conf: s.conf, arrival: a, raw: bytes.Clone(raw), began: time.Now(),
		key:       key{s, a.peer, a.local, a.iface.index},
		clientKey: a.client(),
	}
	t.params, t.granted = negotiate(&q, l)
	t.request = Request{
		Name: q.name, Mode: q.mode,
		Peer: a.peer, Local: a.local, Interface: a.iface.name,
		BlockSize: t.params.block, WindowSize: t.params.window,
		Timeout: t.params.timeout, WantSize: t.params.wantSize,
	}
	return t
}

func (t *transfer) phase() phase     { return phase(t.now.Load()) }
func (t *transfer) enter(next phase) { t.now.Store(int32(next)) }

func (t *transfer) sameRequest(o *transfer) bool { return bytes.Equal(t.raw, o.raw) }

// moving reports whether the client made progress just now: the same request
// is then a late copy and not a client that was restarted.
func (t *transfer) moving(now time.Time) bool {
	const justNow = 500 * time.Millisecond
	return now.UnixNano()-t.movedAt.Load() < int64(justNow)
}

// run opens the file, sends it and makes known how that went.
func (t *transfer) run() {
	defer t.cancel(nil)
	file, err := t.open()
	if err != nil {
		t.turnDown(err)
		return
	}
	defer file.Close()
	t.finish(t.serve(file))
}

func (t *transfer) open() (File, error) {
	file, err := t.conf.handler.OpenTFTP(t.ctx, &t.request)
	if err != nil {
		return nil, err
	}
	if t.request.Mode == "netascii" {
		return newTextFile(file)
	}
	return file, nil
}

// serve sends the file over a link of its own.
func (t *transfer) serve(file File) error {
	if err := context.Cause(t.ctx); err != nil {
		return err
	}
	k, err := t.serving.listener.open(t.ctx, t.arrival)
	if err != nil {
		return t.giveUp(t.reply, &LocalError{Op: "open a socket", Err: err})
	}
	defer k.close()
	t.mu.Lock()
	t.link = k
	t.mu.Unlock()
	t.enter(waiting)
	stop := context.AfterFunc(t.ctx, func() { t.interrupt(k) })
	defer stop()

	t.begin(k, file)
	defer t.file.close()
	err = t.exchangeAll()
	if errors.Is(err, net.ErrClosed) {
		err = context.Cause(t.ctx)
	}
	return err
}

// interrupt ends the transfer from outside. A client whose transfer another one
// replaces is not told: it has gone on.
func (t *transfer) interrupt(k link) {
	cause := context.Cause(t.ctx)
	if !errors.Is(cause, ErrReplaced) && !errors.Is(cause, ErrLimit) {
		var b batch
		_ = k.send(b.one(replyTo(ErrStopped)))
	}
	k.close()
}

// reply answers the request itself.
func (t *transfer) reply(p []byte) error { return t.serving.listener.reply(p, t.arrival) }

// again sends the first packet once more, because its request came once more.
// It comes from the same port as before: a client that gets both answers must
// not see two transfers.
func (t *transfer) again() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.link != nil && t.first != nil {
		var b batch
		_ = t.link.send(b.one(t.first))
	}
}

// noteFirst keeps the first packet, or forgets it when p is nil.
func (t *transfer) noteFirst(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.first = p
}
