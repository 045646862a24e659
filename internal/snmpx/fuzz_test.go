package snmpx_test

import (
	"context"
	"net"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// FuzzTrap sends anything to a listener, of v2c and v3.
func FuzzTrap(f *testing.F) {
	f.Add([]byte("0\x82\x00\x03\x02\x01\x01"))
	f.Add([]byte("0\x20\x02\x01\x01\x04\x05traps\xa7\x14\x02\x01\x01\x02\x01\x00\x02\x01\x000\x09"))
	f.Add([]byte("0\x3e\x02\x01\x030\x11\x02\x04\x1b\x21\x4d\xd5\x02\x03\x00\xff\xe3\x04\x01\x04\x02\x01\x03\x04\x100\x0e\x04\x00\x02\x01\x00\x02\x01\x00\x04\x00\x04\x00\x04\x000\x14"))
	f.Fuzz(func(t *testing.T, b []byte) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		conn := &packets{in: [][]byte{b}, empty: cancel}
		config := snmpx.TrapConfig{
			Communities: []snmpx.Secret{"traps"}, EngineID: engineBytes,
			Users: []snmpx.V3{{User: "none"}, {User: "auth", Auth: snmpx.MD5, AuthPass: "12345678"}},
		}
		if err := snmpx.ListenTraps(ctx, conn, config, func(snmpx.Trap) {}); err != nil {
			t.Fatal(err)
		}
		if conn.written > 2*len(b)+200 {
			t.Fatalf("%d octets answer %d", conn.written, len(b))
		}
	})
}

// packets is a socket from which some packets are read.
type packets struct {
	net.PacketConn
	in      [][]byte
	empty   func()
	written int
}

func (p *packets) ReadFrom(b []byte) (int, net.Addr, error) {
	from := &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 162}
	if len(p.in) == 0 {
		p.empty()
		return 0, from, nil
	}
	n := copy(b, p.in[0])
	p.in = p.in[1:]
	return n, from, nil
}

func (p *packets) WriteTo(b []byte, _ net.Addr) (int, error) {
	p.written += len(b)
	return len(b), nil
}

func (*packets) LocalAddr() net.Addr { return &net.UDPAddr{} }
func (*packets) Close() error        { return nil }
