package proxyheader_test

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/internal/webpeer"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/stretchr/testify/require"
)

const request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

// ask sends a header and a request in one write and returns the answer, "" when
// the connection was closed or reset instead.
func ask(t *testing.T, addr netip.AddrPort, header []byte) string {
	t.Helper()
	return exchange(t, addr, append(bytes.Clone(header), request...))
}

func exchange(t *testing.T, addr netip.AddrPort, send []byte) string {
	t.Helper()
	c, err := net.Dial("tcp", addr.String())
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
	_, err = c.Write(send)
	require.NoError(t, err)
	answer, err := io.ReadAll(c)
	if err != nil && len(answer) == 0 {
		return ""
	}
	return string(answer)
}

// pairs are what a proxy has as source and destination, and how a receiver says
// them: the client's address and port, then the proxy's.
var pairs = []struct {
	name     string
	src, dst netip.AddrPort
	says     string
}{
	{"IPv4", client4, front4, "198.51.100.7 64221 203.0.113.9 443"},
	{"IPv6", client6, front6, "2001:db8::7 64221 2001:db8::9 443"},
	{"IPv4 client, IPv6 destination", client4, front6, "::ffff:198.51.100.7 64221 2001:db8::9 443"},
	{"IPv4 as a dual-stack socket has it", netip.AddrPortFrom(netip.AddrFrom16(client4.Addr().As16()), client4.Port()), front4, "198.51.100.7 64221 203.0.113.9 443"},
}

// forms are the headers of one pair.
func forms(src, dst netip.AddrPort) map[string]proxyheader.Header {
	return map[string]proxyheader.Header{
		"v1": {Version: proxyheader.V1, Source: src, Destination: dst},
		"v2": {Version: proxyheader.V2, Source: src, Destination: dst},
		"v2 with checksum": {Version: proxyheader.V2, Source: src, Destination: dst, CRC32C: true,
			Authority: []byte("www.example.org"), UniqueID: []byte("id-0123"), TLVs: proxyheader.TLVs("\xe0\x00\x01z"), Align: 8},
	}
}

func encode(t *testing.T, h proxyheader.Header) []byte {
	t.Helper()
	b, err := proxyheader.Append(nil, &h)
	require.NoError(t, err)
	return b
}

// receive sends all that the encoder can write to a receiver, which must say who
// the client is. question follows the header; says turns an answer into "addr port addr port".
func receive(t *testing.T, addr netip.AddrPort, question string, says func(answer string) string) {
	t.Helper()
	for _, p := range pairs {
		for form, h := range forms(p.src, p.dst) {
			t.Run(p.name+" "+form, func(t *testing.T) {
				require.Equal(t, p.says, says(exchange(t, addr, append(encode(t, h), question...))))
			})
		}
	}
}

// body is the part of an HTTP answer behind the head.
func body(answer string) string {
	_, body, _ := strings.Cut(answer, "\r\n\r\n")
	return body
}

func TestRealHAProxyReceives(t *testing.T) {
	s := webpeer.HAProxy(t)
	addr := s.Listener(false, true).Addr
	receive(t, addr, request, func(answer string) string {
		return strings.Join(strings.Fields(body(answer))[:4], " ")
	})
	h := forms(client4, front4)["v2 with checksum"]
	require.Equal(t, "198.51.100.7 64221 203.0.113.9 443 www.example.org id-0123", body(ask(t, addr, encode(t, h))))

	local := encode(t, proxyheader.Header{Version: proxyheader.V2, Command: proxyheader.Local})
	require.True(t, strings.HasPrefix(body(ask(t, addr, local)), "::1 "), "LOCAL has the connection's own addresses")

	for _, length := range []int{proxyheader.SafeV2, 1025} {
		require.Contains(t, ask(t, addr, long(t, length)), "198.51.100.7 64221")
	}
}

// HAProxy verifies the checksum, so ours is right, and each changed byte of the
// addresses is noticed.
func TestRealHAProxyRefusesBadChecksum(t *testing.T) {
	s := webpeer.HAProxy(t)
	addr := s.Listener(false, true).Addr
	header := encode(t, forms(client4, front4)["v2 with checksum"])
	for i := 16; i < 28; i++ {
		bad := bytes.Clone(header)
		bad[i] ^= 0x10
		mark := s.Mark()
		require.Empty(t, ask(t, addr, bad), "byte %d", i)
		s.Await(t, mark, "Received an invalid PROXY protocol header")
		_, _, err := proxyheader.Decode(bad, proxyheader.DecodeOptions{})
		require.ErrorIs(t, err, proxyheader.ErrChecksum)
	}
}

// What HAProxy refuses the decoder refuses too, and the other way round.
func TestRealHAProxyAgreesOnHostileHeaders(t *testing.T) {
	s := webpeer.HAProxy(t)
	addr := s.Listener(false, true).Addr
	cases := map[string]struct {
		header string
		agree  bool
	}{
		"mixed families":             {"PROXY TCP6 198.51.100.7 2001:db8::9 64221 443\r\n", true},
		"nonsense":                   {"PROXY TCP4 nonsense\r\n", true},
		"unknown word":               {"PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n", true},
		"version 1 in version 2":     {sig + "\x11\x11\x00\x0c" + string(make([]byte, 12)), true},
		"command 2":                  {sig + "\x22\x11\x00\x0c" + string(make([]byte, 12)), true},
		"short for its addresses":    {sig + "\x21\x11\x00\x0b" + string(make([]byte, 11)), true},
		"truncated extension":        {sig + "\x21\x11\x00\x11" + string(make([]byte, 12)) + "\x02\x00\x09ab", true},
		"unique ID of 129 bytes":     {sig + "\x21\x11\x00\x90" + string(make([]byte, 12)) + "\x05\x00\x81" + strings.Repeat("x", 129), true},
		"authority of 256 bytes":     {sig + "\x21\x11\x01\x0f" + string(make([]byte, 12)) + "\x02\x01\x00" + strings.Repeat("x", 256), true},
		"no header":                  {"", true},
		"LOCAL of an unknown family": {sig + "\x20\x99\x00\x00", true},
		"UNKNOWN":                    {"PROXY UNKNOWN\r\n", true},
		// Differences: HAProxy takes the second of two, where we refuse; PROXY
		// with UNSPEC is decoded, for the Listener to refuse.
		"two authorities": {sig + "\x21\x11\x00\x14" + string(make([]byte, 12)) + "\x02\x00\x01a\x02\x00\x01b", false},
		"UNSPEC":          {sig + "\x21\x00\x00\x00", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, _, err := proxyheader.Decode([]byte(c.header+"GET /"), proxyheader.DecodeOptions{})
			taken := strings.HasPrefix(ask(t, addr, []byte(c.header)), "HTTP/1.1 200")
			require.Equal(t, c.agree, taken == (err == nil), "HAProxy takes it: %v, Decode: %v", taken, err)
		})
	}
}

func TestRealNginxReceives(t *testing.T) {
	s := webpeer.Nginx(t)
	addr := s.Listener(false, true).Addr
	receive(t, addr, request, body)
	local := encode(t, proxyheader.Header{Version: proxyheader.V2, Command: proxyheader.Local})
	require.Contains(t, ask(t, addr, local), "HTTP/1.1 200")
	require.Contains(t, ask(t, addr, long(t, 1024)), "198.51.100.7 64221")
	mark := s.Mark()
	require.Empty(t, ask(t, addr, long(t, 1025)))
	s.Await(t, mark, "header is too large while reading PROXY protocol")
}

func TestRealNginxStreamReceives(t *testing.T) {
	s := webpeer.NginxStream(t)
	receive(t, s.Listeners[0].Addr, "", func(answer string) string { return answer })
}

func TestRealApacheReceives(t *testing.T) {
	s := webpeer.Apache(t)
	addr := s.Listener(false, true).Addr
	for _, p := range pairs {
		for form, h := range forms(p.src, p.dst) {
			t.Run(p.name+" "+form, func(t *testing.T) {
				mark := s.Mark()
				require.Contains(t, ask(t, addr, encode(t, h)), "HTTP/1.1 204")
				client := strings.Join(strings.Fields(p.says)[:2], " ")
				s.Await(t, mark, strings.TrimPrefix(client, "::ffff:")+" ") // version 2 it unmaps
			})
		}
	}
	local := encode(t, proxyheader.Header{Version: proxyheader.V2, Command: proxyheader.Local})
	require.Contains(t, ask(t, addr, local), "HTTP/1.1 204")
	require.Contains(t, ask(t, addr, long(t, proxyheader.SafeV2)), "HTTP/1.1 204")
	mark := s.Mark()
	require.Empty(t, ask(t, addr, long(t, proxyheader.SafeV2+1)))
	s.Await(t, mark, "AH10186")

	// What the encoder never writes.
	for name, header := range map[string]string{
		"UNKNOWN": "PROXY UNKNOWN\r\n", "UNSPEC": sig + "\x21\x00\x00\x00", "mixed families": "PROXY TCP6 198.51.100.7 2001:db8::9 64221 443\r\n",
	} {
		require.Empty(t, ask(t, addr, []byte(header)), name)
	}
}

// long is a header of version 2 of the length.
func long(t *testing.T, length int) []byte {
	t.Helper()
	h := proxyheader.Header{Version: proxyheader.V2, Source: client4, Destination: front4, Authority: []byte("www.example.org")}
	tlvs, err := proxyheader.AppendTLV(nil, 0xe0, make([]byte, length-len(encode(t, h))-3))
	require.NoError(t, err)
	h.TLVs = tlvs
	b := encode(t, h)
	require.Len(t, b, length)
	return b
}
