package telnet

import (
	"bytes"
	"testing"
)

// FuzzReceive feeds hostile bytes, cut in two anywhere: the cut makes no
// difference, and what is kept stays small.
func FuzzReceive(f *testing.F) {
	f.Add([]byte("login: \xff\xff\r\x00\r\n"), uint8(3))
	f.Add([]byte("\xff\xfb\x03\xff\xfd\x2c\xff\xfa\x2c\x65\x00\x00\xff\xff\x00\xff\xf0\xff\xf3"), uint8(9))
	f.Add([]byte("\xff\xfa\x2c\xff\xfa\x2c\x6a\x1e\xff\xf0\xff\xfe\x2c\xff\xfd\x2c"), uint8(5))
	f.Fuzz(func(t *testing.T, wire []byte, cut uint8) {
		whole, parts := started(&Serial{Baud: 9600}), started(&Serial{Baud: 9600})
		a := bytes.Clone(wire)
		a = a[:whole.receive(whole.now, a)]
		at := min(int(cut), len(wire))
		b, c := bytes.Clone(wire[:at]), bytes.Clone(wire[at:])
		b = b[:parts.receive(parts.now, b)]
		c = c[:parts.receive(parts.now, c)]
		if !bytes.Equal(a, append(b, c...)) {
			t.Fatalf("cut at %d: %q and %q", at, a, append(b, c...))
		}
		if !bytes.Equal(whole.out, parts.out) || whole.state != parts.state {
			t.Fatalf("cut at %d: answers %x and %x", at, whole.out, parts.out)
		}
		if len(whole.decoder.sub) > maxSub || len(whole.notes) > maxNotes || len(whole.out) > 64*(len(wire)+1) {
			t.Fatal("too much is kept")
		}
	})
}

// FuzzRoundTrip sends bytes as a client and takes them apart as its peer.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("a\r\xff\r\n\x00\xff\xff\r"), uint8(2), true)
	f.Add([]byte("\r\n\r\r\n"), uint8(1), false)
	f.Fuzz(func(t *testing.T, data []byte, cut uint8, binary bool) {
		at := min(int(cut), len(data))
		wire := appendData(appendData(nil, data[:at], binary), data[at:], binary)
		m := started(nil)
		m.decoder.binary = binary
		if got := wire[:m.receive(m.now, wire)]; !bytes.Equal(got, data) {
			t.Fatalf("sent %q, arrived %q", data, got)
		}
	})
}
