package serve

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/miekg/dns"
)

// stream is a transfer on its way through a connection. One goroutine makes messages
// while another signs and writes them.
type stream struct {
	t     *transfer
	conn  net.Conn
	write time.Duration
	end   time.Time

	full, empty chan []byte   // messages, and their space
	stop        chan struct{} // closed when no more can be written
	packed      chan error
	records     int // of the goroutine that packs, until packed

	out   []byte // messages, each behind its length
	first bool
	sent  uint64
}

const (
	// batch is how many octets are written at once.
	batch = 1 << 16
	// ahead is how many messages are made before the first of them is written.
	ahead = 8
)

var errStopped = errors.New("stopped")

// send streams a transfer. What is written is bounded by the deadlines.
func (s *Server) send(conn net.Conn, t *transfer) (err error) {
	s.count(t)
	s.counters.transferring.Add(1)
	started := time.Now()
	st := &stream{
		t: t, conn: conn, write: s.Limits.write(), end: started.Add(s.Limits.transfer()), first: true,
		full: make(chan []byte, ahead), empty: make(chan []byte, ahead), stop: make(chan struct{}), packed: make(chan error, 1),
	}
	err = st.run()
	s.counters.transferring.Add(-1)
	s.counters.sentBytes.Add(st.sent)
	if err != nil {
		s.counters.aborted.Add(1)
	}
	s.logTransfer(st, time.Since(started), err)
	return err
}

func (st *stream) run() error {
	go func() {
		err := st.pack()
		close(st.full)
		st.packed <- err
	}()
	err := st.writeAll()
	close(st.stop)
	if packed := <-st.packed; err == nil {
		err = packed
	}
	return err
}

// writeAll signs and writes what is packed, many messages at a time.
func (st *stream) writeAll() error {
	for msg := range st.full {
		if err := st.finish(msg); err != nil {
			return err
		}
		select {
		case st.empty <- msg[:0]:
		default:
		}
		if len(st.out) >= batch {
			if err := st.push(); err != nil {
				return err
			}
		}
	}
	return st.push()
}

// pack makes the messages.
func (st *stream) pack() error {
	var p packer
	st.start(&p, true)
	for r, err := range st.t.records() {
		if err != nil {
			return err
		}
		if !p.add(r) {
			if err := st.hand(&p); err != nil {
				return err
			}
			st.start(&p, false)
			if !p.add(r) {
				return fmt.Errorf("a record of type %s is too long for a message", dns.Type(r.typ))
			}
		}
		st.records++
	}
	return st.hand(&p)
}

// start begins a message; the first has the question, and room for the OPT record.
func (st *stream) start(p *packer, first bool) {
	limit := room(maxPointer, st.t.r.chain, st.t.r.key)
	if first {
		p.start(st.t.id, flags, st.t.qname, st.t.qtype, limit-optSize)
		return
	}
	p.start(st.t.id, flags, "", 0, limit)
}

// hand passes a message on, and takes space for the next.
func (st *stream) hand(p *packer) error {
	select {
	case st.full <- p.buf:
	case <-st.stop:
		return errStopped
	}
	select {
	case p.buf = <-st.empty:
	default:
		p.buf = make([]byte, 0, maxPointer+512)
	}
	return nil
}

// finish adds the OPT record to the first message, and the signature.
func (st *stream) finish(msg []byte) error {
	if st.first && st.t.r.msg.IsEdns0() != nil {
		msg = appendOPT(msg)
	}
	st.first = false
	if st.t.r.chain != nil {
		msg = st.t.r.chain.Sign(msg, time.Now())
	}
	if len(msg) > maxMessage {
		return errors.New("a record is too long for a message with a signature")
	}
	st.out = binary.BigEndian.AppendUint16(st.out, uint16(len(msg)))
	st.out = append(st.out, msg...)
	return nil
}

func (st *stream) push() error {
	deadline := time.Now().Add(st.write)
	if st.end.Before(deadline) {
		deadline = st.end
	}
	if err := st.conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	n, err := st.conn.Write(st.out)
	st.sent += uint64(n)
	st.out = st.out[:0]
	return err
}
