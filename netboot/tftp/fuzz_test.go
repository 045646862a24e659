package tftp

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/netboot"
)

// FuzzRequest reads any packet as a request. What is granted has to be what was
// asked for, within the limits.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		"\x00\x01f\x00octet\x00",
		"\x00\x01f\x00octet\x00tsize\x000\x00blksize\x001468\x00",
		"\x00\x01f\x00octet\x00blksize\x001428\x00windowsize\x0064\x00rollover\x001\x00timeout\x00255\x00",
		"\x00\x01f\x00NETASCII\x00BLKSIZE\x007\x00",
		"\x00\x02f\x00octet\x00",
		"\x00\x01f\x00", "\x00\x01", "\x00\x05\x00\x00x", "\x00\x03\x00\x01",
		"\x00\x01f\x00octet\x00blksize\x00-1\x00blksize\x0099999999999999999999\x00windowsize",
	} {
		f.Add([]byte(s), 1468, 64)
	}
	f.Fuzz(func(t *testing.T, p []byte, block, window int) {
		if len(p) < 2 {
			return
		}
		q, err := parsePacket(p)
		if err != nil {
			return
		}
		l := limits{block: max(minBlock, min(block, maxBlock)), window: max(1, min(window, 64))}
		if q.name == "" || len(q.name) > maxName || len(q.options) > maxOptions {
			t.Fatalf("request %+v", q)
		}
		r, granted := negotiate(&q, l)
		if r.block < minBlock || r.block > max(l.block, defaultBlock) || r.window < 1 || r.window > l.window || r.timeout < 0 || r.timeout > 255*time.Second {
			t.Fatalf("granted %+v within %+v", r, l)
		}
		if r.window > 1 && r.window*r.block > maxWindowBytes {
			t.Fatalf("%+v has too much in flight", r)
		}
		oack := appendOACK(nil, granted, 1<<40)
		if len(granted) > 5 || len(oack) > 128 || bytes.Count(oack[2:], []byte{0}) != 2*len(granted) {
			t.Fatalf("OACK %q", oack)
		}
	})
}

// tapeLink is a link that counts what is sent.
type tapeLink struct{ batches, packets int }

func (l *tapeLink) send(b *batch) error {
	l.batches++
	for i := range b.ends {
		l.packets++
		n := 0
		for _, part := range b.packet(i) {
			n += len(part)
		}
		if i < len(b.ends)-1 && n != b.size || n > b.size {
			panic("packet of the wrong size")
		}
	}
	return nil
}

func (l *tapeLink) recv([]byte, time.Time) (int, error) { panic("not used") }
func (l *tapeLink) close() error                        { return nil }

type zeroFile int64

func (f zeroFile) Size() int64                           { return int64(f) }
func (f zeroFile) Close() error                          { return nil }
func (f zeroFile) ReadAt(p []byte, _ int64) (int, error) { clear(p); return len(p), nil }

// FuzzExchange plays a client that sends any packets at all. Each draws one
// window at most, only news draws one, and what counts as delivered was sent.
func FuzzExchange(f *testing.F) {
	ack := func(blocks ...uint16) (p []byte) {
		for _, n := range blocks {
			p = append(binary.BigEndian.AppendUint16(append(p, 0, 4), n), 1)
		}
		return p
	}
	f.Add(ack(1, 2, 3, 3, 3, 4), uint8(0), uint16(3000), false)
	f.Add(ack(0, 4, 4, 6, 9, 13), uint8(4), uint16(9000), true)
	f.Add(ack(0, 65535, 1, 2), uint8(2), uint16(60000), true)
	f.Add([]byte("\x00\x05\x00\x00\x01\x00\x05\x00\x08\x01"), uint8(1), uint16(0), false)
	f.Fuzz(func(t *testing.T, packets []byte, window uint8, size uint16, restart bool) {
		tr, tape := newTapedTransfer(int(window), restart)
		tr.begin(tape, zeroFile(size))
		now := time.Unix(1700000000, 0)
		if err := tr.transmit(now, false); err != nil {
			t.Fatal(err)
		}
		for i := 0; i+5 <= len(packets) && !tr.blocks.done(); i += 5 {
			now = now.Add(time.Duration(packets[i+4]) * time.Millisecond)
			before, acked := tape.batches, tr.blocks.acked
			hadOACK := tr.oack != nil
			err := tr.receive(packets[i:i+4], now)
			sent := tape.batches - before
			switch {
			case sent > 1:
				t.Fatalf("one packet drew %d windows", sent)
			case sent == 1 && tr.blocks.acked == acked && !hadOACK:
				t.Fatalf("packet % x is no news and drew a window", packets[i:i+4])
			case tr.blocks.acked < acked, tr.blocks.acked > tr.blocks.sent, tr.blocks.sent > tr.blocks.acked+int64(tr.params.window):
				t.Fatalf("blocks %+v after %d", tr.blocks, acked)
			}
			if err != nil {
				return
			}
		}
	})
}

func newTapedTransfer(window int, restart bool) (*transfer, *tapeLink) {
	conf := &config{
		observer: netboot.Observers(), log: slog.New(slog.DiscardHandler), count: &counters{},
		low: DefaultMinRTO, high: DefaultMaxRTO, giveUp: DefaultGiveUp,
		limits: limits{maxBlock, DefaultMaxWindow}, mtu: DefaultMTU,
	}
	q := readRequest{name: "f", mode: "octet"}
	if window > 0 {
		q.options = []option{{"windowsize", "16"}, {"blksize", "8"}}
		if restart {
			q.options = append(q.options, option{"rollover", "1"})
		}
	}
	a := arrival{peer: netip.MustParseAddrPort("192.0.2.2:49152")}
	tape := &tapeLink{}
	t := newTransfer(&serving{conf: conf}, a, q, nil)
	t.ctx, t.cancel = context.WithCancelCause(context.Background())
	t.link = tape
	t.enter(waiting)
	return t, tape
}
