package telnet

import (
	"bytes"
	"slices"
	"testing"
)

// begun is a server's end at a connection's start.
func begun() *host {
	h := new(host)
	h.start()
	h.out = nil
	return h
}

// feed gives the wire in pieces, and joins the data of orders.
func (h *host) feed(pieces ...[]byte) (all []order) {
	for _, p := range pieces {
		for _, o := range h.receive(nil, bytes.Clone(p)) {
			last := len(all) - 1
			if o.kind == orderData && last >= 0 && all[last].kind == orderData {
				all[last].data = append(all[last].data, o.data...)
				continue
			}
			all = append(all, order{o.kind, o.command, bytes.Clone(o.data)})
		}
	}
	return all
}

// FuzzHost feeds a server hostile bytes, cut in two anywhere: the cut makes no
// difference, every order has its place, and what is kept stays small.
func FuzzHost(f *testing.F) {
	f.Add([]byte("root\r\x00\xff\xff\r\n"), uint8(5))
	f.Add([]byte("\xff\xfb\x2ca\xff\xf3b\xff\xfa\x2c\x01\x00\xff\xff\x00\xff\xff\xff\xf0c\xff\xfa\x2c\x08\xff\xf0"), uint8(17))
	f.Add([]byte("\xff\xfb\x2c\xff\xfa\x2c\x0a\x1e\xff\xf0\xff\xfc\x2c\xff\xfd\x00\xff\xfb\x00\r\x00\xff\xfe\x00"), uint8(8))
	f.Add([]byte("\xff\xfa\x2c\xff\xfa\x2c\x00sig\xff\xf0\xff\xfd\x01\xff\xfe\x01\xff\xfd\x18"), uint8(2))
	f.Fuzz(func(t *testing.T, wire []byte, cut uint8) {
		whole, parts := begun(), begun()
		at := min(int(cut), len(wire))
		a, b := whole.feed(wire), parts.feed(wire[:at], wire[at:])
		if len(a) != len(b) {
			t.Fatalf("cut at %d: %d orders and %d", at, len(a), len(b))
		}
		kept := 0
		for i := range a {
			if a[i].kind != b[i].kind || a[i].command != b[i].command || !bytes.Equal(a[i].data, b[i].data) {
				t.Fatalf("cut at %d: order %d is %+v and %+v", at, i, a[i], b[i])
			}
			kept += len(a[i].data)
		}
		if kept > len(wire) || len(a) > len(wire) {
			t.Fatalf("%d orders of %d bytes from %d", len(a), kept, len(wire))
		}
		if !bytes.Equal(whole.out, parts.out) || whole.suspended != parts.suspended || whole.lineMask != parts.lineMask {
			t.Fatalf("cut at %d: answers %x and %x", at, whole.out, parts.out)
		}
		if len(whole.decoder.sub) > maxSub || len(whole.out) > 3*len(wire) {
			t.Fatal("too much is kept")
		}
	})
}

// FuzzBothEnds lets our client and our server talk, each word in pieces of some
// size: they come to an end of it, all is agreed on, and data arrives.
func FuzzBothEnds(f *testing.F) {
	f.Add([]byte("ls\r\xff"), []byte("\x00\r\n"), uint8(1), uint8(200))
	f.Add([]byte("\xff\xf0\r\r\x00"), []byte("login: \xff"), uint8(3), uint8(2))
	f.Fuzz(func(t *testing.T, up, down []byte, upCut, downCut uint8) {
		h, m := new(host), &machine{serial: &Serial{Baud: 0xffffff}, timeout: 1}
		h.start()
		m.start(m.now)
		var typed, said []byte
		sentUp, sentDown := up, down
		for rounds := 0; len(h.out)+len(m.out) > 0; rounds++ {
			if rounds > 8 {
				t.Fatalf("they talk for ever: %x and %x", h.out, m.out)
			}
			toHost, toClient := m.out, h.out
			m.out, h.out = nil, nil
			if rounds > 0 && m.pending["BINARY from us"].IsZero() {
				toHost, up = appendData(toHost, up, m.binary()), nil
			}
			if rounds > 0 && !h.local[optBinary].asked() {
				toClient, down = appendData(toClient, down, h.binary()), nil
			}
			for _, o := range h.feed(slices.Collect(slices.Chunk(toHost, int(upCut)+1))...) {
				if o.kind == orderComPort {
					h.reply(o.command, o.data...)
				} else {
					typed = append(typed, o.data...)
				}
			}
			for piece := range slices.Chunk(toClient, int(downCut)+1) {
				said = append(said, piece[:m.receive(m.now, piece)]...)
			}
		}
		if !m.comPort() || !h.comPort() || !m.binary() || !h.binary() || len(m.pending) > 0 || len(m.notes) > 0 {
			t.Fatalf("not all was agreed on: %v %v", m.pending, m.notes)
		}
		if !bytes.Equal(typed, sentUp) || !bytes.Equal(said, sentDown) {
			t.Fatalf("sent %q and %q, arrived %q and %q", sentUp, sentDown, typed, said)
		}
	})
}
