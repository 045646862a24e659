package tftp_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/tftp"
)

// TestOptions asks with all sorts of options and looks at what is granted.
func TestOptions(t *testing.T) {
	addr := start(t, &tftp.Server{Handler: files{"f": noise(5000), "empty": {}}, Interface: "eth0.17"})
	for _, c := range []struct {
		name, file string
		options    []string
		want       map[string]string // nil: DATA at once
	}{
		{"none", "f", nil, nil},
		{"upper case", "f", []string{"BLKSIZE", "1024", "TSize", "0"}, map[string]string{"blksize": "1024", "tsize": "5000"}},
		{"least block", "f", []string{"blksize", "8"}, map[string]string{"blksize": "8"}},
		{"block too small", "f", []string{"blksize", "7"}, nil},
		{"block too large", "f", []string{"blksize", "65465"}, map[string]string{"blksize": "65464"}},
		{"block not a number", "f", []string{"blksize", "1e3"}, nil},
		{"block negative", "f", []string{"blksize", "-512"}, nil},
		{"block of 30 digits", "f", []string{"blksize", strings.Repeat("9", 30)}, nil},
		{"size of an empty file", "empty", []string{"tsize", "0"}, map[string]string{"tsize": "0"}},
		{"window 0", "f", []string{"windowsize", "0"}, nil},
		{"window capped", "f", []string{"windowsize", "65535"}, map[string]string{"windowsize": "64"}},
		{"window capped by bytes", "f", []string{"blksize", "16000", "windowsize", "64"}, map[string]string{"blksize": "16000", "windowsize": "8"}},
		{"window before block", "f", []string{"windowsize", "64", "blksize", "16000"}, map[string]string{"blksize": "16000", "windowsize": "8"}},
		{"timeout", "f", []string{"timeout", "1"}, map[string]string{"timeout": "1"}},
		{"timeout 0", "f", []string{"timeout", "0"}, nil},
		{"timeout 256", "f", []string{"timeout", "256"}, nil},
		{"utimeout", "f", []string{"utimeout", "100000"}, nil},
		{"unknown", "f", []string{"foo", "1"}, nil},
		{"unknown beside known", "f", []string{"foo", "1", "blksize", "600"}, map[string]string{"blksize": "600"}},
		{"the first of two", "f", []string{"blksize", "600", "blksize", "700"}, map[string]string{"blksize": "600"}},
		{"rollover", "f", []string{"rollover", "1"}, map[string]string{"rollover": "1"}},
		{"rollover 2", "f", []string{"rollover", "2"}, nil},
		{"option without value", "f", []string{"blksize", "600", "tsize"}, map[string]string{"blksize": "600"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newClient(t, addr)
			k.ask(rrq(c.file, "octet", c.options...))
			p, err := k.hear(5 * time.Second)
			require.NoError(t, err)
			if c.want == nil {
				require.EqualValues(t, 3, p.op)
				require.Len(t, p.body, 512)
			} else {
				require.EqualValues(t, 6, p.op)
				require.Equal(t, c.want, oackOptions(t, p.body))
			}
			k.say(errorOf(0, "Early terminate"))
		})
	}
}

// TestRefusals sends what must get an error, and requires which.
func TestRefusals(t *testing.T) {
	h := tftp.HandlerFunc(func(_ context.Context, r *tftp.Request) (tftp.File, error) {
		switch r.Name {
		case "/etc/shadow":
			return nil, &fs.PathError{Op: "open", Path: "/srv/secret/etc/shadow", Err: fs.ErrPermission}
		case "broken":
			return nil, errors.New("open /srv/secret: input/output error")
		}
		return nil, &fs.PathError{Op: "open", Path: "/srv/secret/" + r.Name, Err: fs.ErrNotExist}
	})
	addr := start(t, &tftp.Server{Handler: h})
	for _, c := range []struct {
		name   string
		packet []byte
		code   uint16
		text   string
	}{
		{"missing", rrq("missing", "octet"), 1, "File not found"},
		{"denied", rrq("/etc/shadow", "octet"), 2, "Access violation"},
		{"broken", rrq("broken", "octet"), 0, "Server error"},
		{"write", append([]byte{0, 2}, "new\x00octet\x00"...), 2, "Read only"},
		{"mail", rrq("f", "mail"), 4, "Use octet mode"},
		{"no such mode", rrq("f", "ebcdic"), 4, "Use octet mode"},
		{"name of 600 bytes", rrq(strings.Repeat("a", 600), "octet"), 4, "Malformed request"},
		{"name of 3000 bytes", rrq(strings.Repeat("a", 3000), "octet"), 4, "Malformed request"},
		{"no mode", []byte("\x00\x01f\x00"), 4, "Malformed request"},
		{"no NUL", []byte("\x00\x01f"), 4, "Malformed request"},
		{"no name", []byte("\x00\x01\x00octet\x00"), 4, "Malformed request"},
		{"only an opcode", []byte{0, 1}, 4, "Malformed request"},
		{"no such opcode", []byte{0, 9, 1, 2}, 4, "Malformed request"},
		{"stray ACK", ackOf(7), 5, "Unknown transfer"},
		{"stray DATA", []byte{0, 3, 0, 1, 'x'}, 5, "Unknown transfer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newClient(t, addr)
			k.ask(c.packet)
			p := k.expectError(c.code)
			require.Equal(t, c.text+"\x00", p.body)
			_, err := k.hear(10 * time.Millisecond)
			require.ErrorIs(t, err, errSilence, "one packet may have one answer")
		})
	}
}

// TestSilence sends what must get no answer at all.
func TestSilence(t *testing.T) {
	h := tftp.HandlerFunc(func(context.Context, *tftp.Request) (tftp.File, error) {
		return nil, fmt.Errorf("lookup: %w", netboot.ErrUnknown)
	})
	addr := start(t, &tftp.Server{Handler: h})
	for name, p := range map[string][]byte{
		"error": errorOf(0, "x"), "one byte": {0}, "empty": {}, "unknown client": rrq("f", "octet"),
	} {
		k := newClient(t, addr)
		k.ask(p)
		_, err := k.hear(50 * time.Millisecond)
		require.ErrorIs(t, err, errSilence, name)
	}
}

// TestRequest has the Handler see what the client sent.
func TestRequest(t *testing.T) {
	requests := make(chan tftp.Request, 1)
	h := tftp.HandlerFunc(func(_ context.Context, r *tftp.Request) (tftp.File, error) {
		requests <- *r
		return nil, fs.ErrNotExist
	})
	addr := start(t, &tftp.Server{Handler: h, MaxBlock: 1400})
	k := newClient(t, addr)
	k.ask(rrq(`\boot\..\x`, "OCTET", "blksize", "1468", "windowsize", "3", "timeout", "2", "tsize", "0"))
	k.expectError(1)
	want := tftp.Request{
		Name: `\boot\..\x`, Mode: "octet", Peer: netip.MustParseAddrPort(k.conn.LocalAddr().String()),
		BlockSize: 1400, WindowSize: 3, Timeout: 2 * time.Second, WantSize: true,
		Local: addr.Addr(),
	}
	if onLinux {
		want.Interface = "lo"
	}
	require.Equal(t, want, <-requests)
}

func TestNetASCII(t *testing.T) {
	addr := start(t, &tftp.Server{Handler: files{
		"config.txt": []byte("a=1\nb=2\r\nc\rd\n"), "big": make([]byte, 64<<10+1), "empty": {},
	}})
	k := newClient(t, addr)
	got, _ := k.fetch(time.Second, rrq("config.txt", "NetAscii", "tsize", "0"))
	require.Equal(t, "a=1\r\nb=2\r\x00\r\nc\r\x00d\r\n", string(got))
	got, _ = k.fetch(time.Second, rrq("empty", "netascii"))
	require.Empty(t, got)

	k.ask(rrq("config.txt", "netascii", "tsize", "0"))
	require.Equal(t, map[string]string{"tsize": itoa(len("a=1\r\nb=2\r\x00\r\nc\r\x00d\r\n"))}, oackOptions(t, k.expect(6).body))
	k.say(errorOf(0, "Early terminate"))

	k.ask(rrq("big", "netascii"))
	require.Equal(t, "File too large, use octet mode\x00", k.expectError(0).body)
}

// TestRepeatedRequest repeats a request before its answer is acknowledged, as a
// Pi does every two seconds: the answer has to come from the same port.
func TestRepeatedRequest(t *testing.T) {
	for _, options := range [][]string{nil, {"blksize", "1024"}} {
		s := &tftp.Server{Handler: files{"f": noise(5000)}, MinRTO: time.Minute, MaxRTO: time.Minute}
		addr := start(t, s)
		k := newClient(t, addr)
		request := rrq("f", "octet", options...)
		k.ask(request)
		first, err := k.hear(5 * time.Second)
		require.NoError(t, err)
		for range 3 {
			k.ask(request)
			again, err := k.hear(5 * time.Second)
			require.NoError(t, err)
			require.Equal(t, first, again)
		}
		require.EqualValues(t, 1, s.Stats().Requests)
		require.EqualValues(t, 3, s.Stats().Repeated)
		require.Equal(t, 1, s.Stats().Active)
	}
}

// TestLateCopy repeats a request once the transfer is under way: it goes on as
// if nothing had been.
func TestLateCopy(t *testing.T) {
	want := noise(5000)
	s := &tftp.Server{Handler: files{"f": want}}
	addr := start(t, s)
	k := newClient(t, addr)
	request := rrq("f", "octet")
	k.ask(request)
	k.expect(3)
	k.say(ackOf(1))
	require.EqualValues(t, 2, k.expect(3).n)
	tid := k.tid
	k.ask(request)
	k.tid = tid
	next := newClient(t, addr)
	next.ask(ackOf(0)) // packets are taken in order: after this one's answer
	next.expectError(5)
	for n := uint16(2); n < 11; n++ {
		k.say(ackOf(n))
		for n < 10 && k.expect(3).n != n+1 { // blocks that were sent again
		}
	}
	require.Eventually(t, func() bool { return s.Stats().Served == 1 }, 5*time.Second, time.Millisecond)
	require.EqualValues(t, 1, s.Stats().Requests)
}

// TestNextFileFromTheSamePort asks for another file, and ends the one before.
func TestNextFileFromTheSamePort(t *testing.T) {
	seen := newEvents()
	want := noise(3000)
	addr := start(t, &tftp.Server{Handler: files{"one": noise(5000), "two": want}, Observer: seen})
	k := newClient(t, addr)
	k.ask(rrq("one", "octet"))
	k.expect(3)
	k.say(ackOf(1))
	k.expect(3)
	one := k.tid
	k.ask(rrq("two", "octet", "blksize", "1000"))
	for {
		p, err := k.hear(5 * time.Second)
		require.NoError(t, err)
		if p.op == 6 {
			break
		}
		k.tid = nil // still of the first file
	}
	require.NotEqual(t, one.String(), k.tid.String())
	failed := seen.wait(t, netboot.FileFailed)
	require.Equal(t, "one", failed.File)
	require.ErrorIs(t, failed.Err, tftp.ErrReplaced)
	require.EqualValues(t, 512, failed.Bytes)
}

// TestProbe ends transfers as firmware does that only wants to know whether
// there is a file.
func TestProbe(t *testing.T) {
	seen := newEvents()
	s := &tftp.Server{Handler: files{"start.elf": noise(5000)}, Observer: seen}
	addr := start(t, s)
	for _, c := range []struct {
		options []string
		code    uint16
		ack     bool
	}{
		{nil, 0, false}, {[]string{"tsize", "0", "blksize", "1024"}, 0, false},
		{[]string{"tsize", "0"}, 8, false}, {[]string{"tsize", "0"}, 8, true},
	} {
		k := newClient(t, addr)
		k.ask(rrq("start.elf", "octet", c.options...))
		_, err := k.hear(5 * time.Second)
		require.NoError(t, err)
		if c.ack {
			k.say(ackOf(0))
			k.expect(3)
		}
		k.say(errorOf(c.code, "Early terminate"))
	}
	require.Eventually(t, func() bool { return s.Stats().Probed == 4 }, 5*time.Second, time.Millisecond)
	require.Zero(t, s.Stats().Failed)
	require.Len(t, seen.of(netboot.FileProbed), 4)
	require.EqualValues(t, 5000, seen.of(netboot.FileProbed)[0].Size)
}

// TestClientError ends a transfer in its middle.
func TestClientError(t *testing.T) {
	seen := newEvents()
	addr := start(t, &tftp.Server{Handler: files{"f": noise(5000)}, Observer: seen})
	k := newClient(t, addr)
	k.ask(rrq("f", "octet"))
	k.expect(3)
	k.say(ackOf(1))
	k.expect(3)
	k.say(errorOf(3, "disk full\x00\x01\x02"))
	e := seen.wait(t, netboot.FileFailed)
	var peer *tftp.PeerError
	require.ErrorAs(t, e.Err, &peer)
	require.Equal(t, tftp.PeerError{Code: 3, Text: "disk full"}, *peer)
	require.EqualValues(t, 512, e.Bytes)
}

// TestClosedPort closes the client's socket: the ICMP error ends the transfer
// long before the time to give up.
func TestClosedPort(t *testing.T) {
	seen := newEvents()
	addr := start(t, &tftp.Server{Handler: files{"f": noise(5000)}, Observer: seen})
	k := newClient(t, addr)
	k.ask(rrq("f", "octet"))
	k.expect(3)
	k.say(ackOf(1))
	k.conn.Close()
	require.ErrorIs(t, seen.wait(t, netboot.FileFailed).Err, tftp.ErrUnreachable)
}
