package tftp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"time"

	"github.com/mythic-beasts/hostkit/netboot"
)

// exchange is the part of a transfer that the packets change; only its own
// goroutine touches it.
type exchange struct {
	oack   []byte // until it is acknowledged
	file   *reader
	size   int64
	blocks blocks
	timer  timer

	moved    time.Time // when the client last made progress
	told     time.Time // when that was last made known
	sentAt   time.Time // when what is on its way was first sent
	againAt  time.Time // when it was last sent
	deadline time.Time // when it is sent again
	upTo     int64     // its last block
	tries    int       // how often it was sent again
	hinted   bool      // a repeated ACK already shortened the wait
	resent   int       // packets that were sent again, in all

	batch   batch
	headers []byte
}

const progressEvery = 250 * time.Millisecond

// begin sets the exchange up.
func (t *transfer) begin(k link, file File) {
	now := time.Now()
	t.moved, t.told = now, now
	t.file = t.conf.pools.newReader(file, t.params.block*t.params.window)
	t.size = t.file.size
	t.blocks = newBlocks(t.size, t.params)
	t.timer = timer{low: t.conf.low, high: t.conf.high}
	if t.params.timeout > 0 {
		t.timer.high = min(t.timer.high, t.params.timeout)
	}
	if len(t.granted) > 0 {
		t.oack = appendOACK(nil, t.granted, t.size)
	}
	if t.rollsOver() {
		t.conf.log.Warn("tftp: file has more blocks than old Pi 4 EEPROMs load", "client", t.arrival.peer,
			"file", t.request.Name, "size", t.size, "blksize", t.params.block)
	}
}

// rollsOver reports whether block numbers will start anew for a client that
// did not say how it takes that.
func (t *transfer) rollsOver() bool {
	return t.blocks.total > 0xffff && t.params.window == 1 && !t.params.rollover
}

// exchangeAll sends all blocks and awaits their ACKs.
func (t *transfer) exchangeAll() error {
	in := make([]byte, 516) // what a client sends is shorter
	now := time.Now()
	if err := t.transmit(now, false); err != nil {
		return err
	}
	for !t.blocks.done() {
		n, err := t.link.recv(in, t.deadline)
		now = time.Now()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			err = t.expired(now)
		case err == nil:
			err = t.receive(in[:n], now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// receive takes one packet of the client.
func (t *transfer) receive(p []byte, now time.Time) error {
	if len(p) < headerLen {
		return nil
	}
	switch binary.BigEndian.Uint16(p) {
	case opERROR:
		return parseError(p)
	case opACK:
		return t.ack(binary.BigEndian.Uint16(p[2:]), now)
	}
	return nil
}

// ack takes the ACK of wire block n. Only an ACK that is news is answered with
// DATA: to answer each would double every packet for the rest of the file once
// one was doubled (RFC 1123 section 4.2.3.1).
func (t *transfer) ack(n uint16, now time.Time) error {
	if t.oack != nil {
		if n != 0 {
			return nil
		}
		t.oack = nil
		t.progress(now, true)
		return t.transmit(now, true)
	}
	switch t.blocks.ack(n) {
	case ackProgress:
		t.progress(now, t.blocks.acked == t.upTo)
		if t.blocks.done() {
			return nil
		}
		return t.transmit(now, true)
	case ackRepeated:
		t.hint(now)
	case ackStale:
	}
	return nil
}

// hint takes a repeated ACK in a windowed transfer. Either the first block of
// the window is lost and the receiver says so, or the ACK is a late copy. If no
// other ACK comes within a round trip it was the former. The window is sent
// again then, ahead of the timeout, once.
func (t *transfer) hint(now time.Time) {
	if t.params.window == 1 || t.hinted || t.timer.srtt == 0 {
		return
	}
	t.hinted = true
	soon := now.Add(t.timer.srtt + t.timer.dev)
	if soon.Before(t.deadline) {
		t.deadline = soon
	}
}

// progress notes that the client has more than before. all says that it has
// all that was sent, so that the round trip can be timed.
func (t *transfer) progress(now time.Time, all bool) {
	if t.phase() == waiting {
		t.enter(answered)
		t.noteFirst(nil)
	}
	if all && t.tries == 0 {
		t.timer.sample(now.Sub(t.sentAt))
	} else if all {
		t.timer.late(now.Sub(t.sentAt), now.Sub(t.againAt))
	}
	t.tries, t.hinted = 0, false
	t.moved = now
	t.movedAt.Store(now.UnixNano())
	if now.Sub(t.told) >= progressEvery {
		t.told = now
		t.observe(netboot.FileProgress, now, nil)
	}
}

// expired is called when no answer came in time.
func (t *transfer) expired(now time.Time) error {
	patience := t.conf.giveUp
	if t.phase() == waiting {
		patience /= 3
	}
	if now.Sub(t.moved) >= patience {
		return ErrTimeout
	}
	t.tries++
	t.timer.backoff()
	return t.transmit(now, false)
}

// transmit sends the OACK or the window that is due. confirm says that the
// client was heard just now.
func (t *transfer) transmit(now time.Time, confirm bool) error {
	t.batch.confirm = confirm && !t.conf.noConfirm
	rto := t.timer.rto()
	if t.oack != nil {
		t.batch.one(t.oack)
	} else if err := t.fill(); err != nil {
		return t.giveUp(t.sendOne, &LocalError{Op: "read", Err: err})
	}
	if t.phase() == waiting {
		rto = t.timer.firstRTO(t.tries)
		if t.tries == 0 {
			t.noteFirst(bytes.Join(t.batch.parts, nil))
		}
	}
	if t.tries > 0 {
		t.resent += len(t.batch.ends)
		t.conf.count.retransmits.Add(uint64(len(t.batch.ends)))
	}
	t.againAt, t.deadline = now, now.Add(rto)
	if t.tries == 0 {
		t.sentAt = now
	}
	if err := t.link.send(&t.batch); err != nil {
		return err
	}
	if t.oack == nil {
		block, window := int64(t.params.block), int64(t.params.window)
		t.file.ahead((t.upTo + window) * block)
	}
	return nil
}

// fill makes the batch of the window that is due.
func (t *transfer) fill() error {
	first, last := t.blocks.next()
	t.upTo = last
	block := int64(t.params.block)
	b := &t.batch
	b.size = headerLen + t.params.block
	b.parts, b.ends = b.parts[:0], b.ends[:0]
	if t.headers == nil {
		t.headers = make([]byte, 0, headerLen*t.params.window)
	}
	t.headers = t.headers[:0]
	for n := first; n <= last; n++ {
		off := (n - 1) * block
		at := len(t.headers)
		t.headers = binary.BigEndian.AppendUint16(t.headers, opDATA)
		t.headers = binary.BigEndian.AppendUint16(t.headers, t.blocks.wire(n))
		b.parts = append(b.parts, t.headers[at:])
		var err error
		if b.parts, err = t.file.appendBlock(b.parts, off, int(min(block, t.size-off))); err != nil {
			return err
		}
		b.ends = append(b.ends, len(b.parts))
	}
	return nil
}

func (t *transfer) sendOne(p []byte) error {
	var b batch
	return t.link.send(b.one(p))
}

// giveUp tells the client that err, of our own making, ends its transfer.
func (t *transfer) giveUp(send func([]byte) error, err error) error {
	_ = send(replyTo(err))
	return err
}
