package snmpx

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// wire stands between gosnmp and the socket. gosnmp encodes, signs and encrypts;
// the wire decides how long to wait, what is an answer to us, and when to stop.
// Its Read and Write are called by one goroutine at a time.
type wire struct {
	conn                   net.Conn
	minTimeout, maxTimeout time.Duration
	count                  *counters

	mu      sync.Mutex // guards what follows, which cancel needs
	turn    uint64     // which request is under way
	stopped error      // why nothing is sent or waited for any more

	// Of the session.
	rtt    rtt
	engine []byte // of v3, nil before it was discovered

	// Of the request under way.
	community Secret
	pinned    []byte // the only engine to talk to, where there is one
	patience  time.Duration
	sent      map[int32]time.Time
	tries     int
	silent    bool // the last try had no answer
	refused   bool // the host said that nobody listens
	discovery bool // the message that is under way asks for the engine
	report    OID  // the last report in clear
	fatal     error
	broken    error // the socket's
}

// An engineChange ends a request: an agent answers that is another one.
type engineChange struct{ engine []byte }

func (e *engineChange) Error() string { return fmt.Sprintf("engine %x", e.engine) }

// begin starts a request. The returned function ends it, after which ctx does
// not matter any more.
func (w *wire) begin(ctx context.Context) (end func()) {
	w.mu.Lock()
	w.turn++
	turn := w.turn
	w.stopped = ctx.Err()
	w.mu.Unlock()
	clear(w.sent)
	w.tries, w.silent, w.refused, w.report, w.fatal, w.broken = 0, false, false, nil, nil, nil
	stop := context.AfterFunc(ctx, func() { w.cancel(turn, ctx.Err()) })
	return func() { stop() }
}

// cancel ends the request of that turn at once.
func (w *wire) cancel(turn uint64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.turn == turn && w.stopped == nil {
		w.stopped = err
		w.conn.SetDeadline(time.Unix(1, 0)) //nolint:errcheck // then the request takes its timeout
	}
}

// setDeadline does so unless the request has been cancelled.
func (w *wire) setDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped != nil {
		return w.stopped
	}
	return w.conn.SetDeadline(t)
}

// Write sends a message of gosnmp's.
func (w *wire) Write(b []byte) (int, error) {
	if w.fatal != nil {
		return 0, w.fatal
	}
	h, err := parseHeader(b)
	if err != nil {
		return 0, err
	}
	w.discovery = len(h.engine) == 0
	if w.foreign(h.engine, nil) {
		w.fatal = &engineChange{slices.Clone(h.engine)}
		return 0, w.fatal
	}
	if err := w.post(h.id, b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// post sends a message, the answer to which will have that id.
func (w *wire) post(id int32, b []byte) error {
	wait := max(w.rtt.timeout(w.tries, w.minTimeout, w.maxTimeout), w.patience)
	now := time.Now()
	if err := w.setDeadline(now.Add(wait)); err != nil {
		return err
	}
	if w.sent == nil {
		w.sent = make(map[int32]time.Time)
	}
	w.sent[id] = now
	if w.tries++; w.tries > 1 {
		w.count.retries.Add(1)
	}
	w.count.sent.Add(1)
	if err := w.transmit(b); err != nil {
		w.broken = err
		return err
	}
	return nil
}

// transmit sends a message. A socket that has heard of a refusal says so in
// place of sending the next one. Where a process stood still for so long that the
// time of the answer has passed before the message was sent, the message is lost,
// as others are: what waits for the answer sends it again, unless it was cancelled.
func (w *wire) transmit(b []byte) error {
	_, err := w.conn.Write(b)
	if errors.Is(err, syscall.ECONNREFUSED) {
		_, err = w.conn.Write(b)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

// foreign reports whether an engine is another than the one to talk to.
func (w *wire) foreign(engine, known []byte) bool {
	if len(w.pinned) > 0 {
		known = w.pinned
	}
	return len(engine) > 0 && len(known) > 0 && !bytes.Equal(engine, known)
}

// Read gives gosnmp the next message that is an answer to one of this request's.
func (w *wire) Read(b []byte) (int, error) {
	h, err := w.next(b)
	if err == nil {
		err = w.inspect(h)
		w.fatal = err
	}
	return h.size, err
}

// next waits for the next message that is an answer to one of this request's.
func (w *wire) next(b []byte) (header, error) {
	for {
		n, err := w.conn.Read(b)
		if errors.Is(err, syscall.ECONNREFUSED) {
			w.refused = true // perhaps it is about to start
			continue
		}
		if err != nil {
			if w.silent = errors.Is(err, os.ErrDeadlineExceeded); !w.silent {
				w.broken = err
			}
			return header{}, err
		}
		h, err := parseHeader(b[:n])
		if err != nil || !w.answers(h) {
			w.count.dropped.Add(1)
			continue
		}
		w.silent, w.refused, w.tries = false, false, 0
		w.rtt.sample(time.Since(w.sent[h.id]))
		return h, nil
	}
}

// answers reports whether a message is to one that we sent. For v3 the keys
// decide about the rest.
func (w *wire) answers(h header) bool {
	if _, ok := w.sent[h.id]; !ok {
		return false
	}
	if h.version == version3 {
		return w.community == ""
	}
	return len(h.body) > 0 && h.body[0] == tagResponse &&
		subtle.ConstantTimeCompare(h.community, []byte(w.community)) == 1
}

// inspect looks at a message of v3 before gosnmp does, which has one error for
// all that may be wrong with it. An error ends the request.
func (w *wire) inspect(h header) error {
	if h.report != nil {
		w.report = h.report
	}
	if w.foreign(h.engine, w.engine) {
		return &engineChange{slices.Clone(h.engine)}
	}
	if w.discovery {
		w.engine = slices.Clone(h.engine)
		return nil
	}
	return reportError(h.report, string(h.user))
}

// Close closes the socket.
func (w *wire) Close() error { return w.conn.Close() }

// LocalAddr is that of the socket.
func (w *wire) LocalAddr() net.Addr { return w.conn.LocalAddr() }

// RemoteAddr is that of the agent.
func (w *wire) RemoteAddr() net.Addr { return w.conn.RemoteAddr() }

// SetDeadline does nothing: the wire has its own, which Write sets.
func (w *wire) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing either.
func (w *wire) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing either.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }
