package dnsask_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// server answers at one port by UDP and TCP as the test says, and counts.
type server struct {
	Addr netip.AddrPort
	// answer returns the packets for a question, none for silence.
	answer func(network string, q *dns.Msg) [][]byte

	mu    sync.Mutex // guards asked
	asked map[string][]*dns.Msg
}

func newServer(t *testing.T, answer func(network string, q *dns.Msg) [][]byte) *server {
	t.Helper()
	s := &server{answer: answer, asked: make(map[string][]*dns.Msg)}
	stream, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	packets, err := net.ListenPacket("udp", stream.Addr().String())
	require.NoError(t, err)
	s.Addr = netip.MustParseAddrPort(stream.Addr().String())
	var all sync.WaitGroup
	t.Cleanup(func() {
		_ = stream.Close()
		_ = packets.Close()
		all.Wait()
	})
	all.Go(func() {
		buf := make([]byte, 1<<16)
		for {
			n, from, err := packets.ReadFrom(buf)
			if err != nil {
				return
			}
			for _, p := range s.handle("udp", buf[:n]) {
				_, _ = packets.WriteTo(p, from)
			}
		}
	})
	all.Go(func() {
		for {
			c, err := stream.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				var size [2]byte
				if _, err := io.ReadFull(c, size[:]); err != nil {
					return
				}
				q := make([]byte, binary.BigEndian.Uint16(size[:]))
				if _, err := io.ReadFull(c, q); err != nil {
					return
				}
				for _, p := range s.handle("tcp", q) {
					_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(p))), p...))
				}
			})
		}
	})
	return s
}

func (s *server) handle(network string, packet []byte) [][]byte {
	q := new(dns.Msg)
	if q.Unpack(packet) != nil {
		return nil
	}
	s.mu.Lock()
	s.asked[network] = append(s.asked[network], q)
	s.mu.Unlock()
	return s.answer(network, q)
}

// heard returns what was asked by a network.
func (s *server) heard(network string) []*dns.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[network]
}

func pack(m *dns.Msg) []byte {
	p, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return p
}

// reply is an answer with an RCODE, changed if change is not nil.
func reply(q *dns.Msg, rcode int, change func(*dns.Msg)) []byte {
	m := new(dns.Msg).SetRcode(q, rcode)
	if rcode == dns.RcodeSuccess && q.Opcode == dns.OpcodeQuery {
		m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(192, 0, 2, 1)}}
	}
	if change != nil {
		change(m)
	}
	return pack(m)
}
