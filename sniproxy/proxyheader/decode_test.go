package proxyheader_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/stretchr/testify/require"
)

func TestDecodeV1(t *testing.T) {
	cases := []struct {
		name, line string
		src, dst   string // "" = named no addresses
	}{
		{"IPv4", "TCP4 198.51.100.7 203.0.113.9 64221 443", "198.51.100.7:64221", "203.0.113.9:443"},
		{"IPv6", "TCP6 2001:db8::7 2001:DB8:0:0::9 64221 443", "[2001:db8::7]:64221", "[2001:db8::9]:443"},
		{"least and greatest", "TCP4 0.0.0.0 255.255.255.255 0 65535", "0.0.0.0:0", "255.255.255.255:65535"},
		{"mapped source", "TCP6 ::ffff:198.51.100.7 2001:db8::9 1 443", "198.51.100.7:1", "[2001:db8::9]:443"},
		{"mapped in hexadecimal", "TCP6 ::ffff:c633:6407 ::ffff:cb00:7109 1 443", "198.51.100.7:1", "203.0.113.9:443"},
		{"all zeros", "TCP6 :: 1:: 1 2", "[::]:1", "[1::]:2"},
		{"UNKNOWN", "UNKNOWN", "", ""},
		{"UNKNOWN, longest", "UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535", "", ""},
		{"UNKNOWN and nonsense", "UNKNOWN \x01\xff  TCP4", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := []byte("PROXY " + c.line + "\r\nPROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n")
			want := len("PROXY " + c.line + "\r\n")
			h, n, err := proxyheader.Decode(b, proxyheader.DecodeOptions{})
			require.NoError(t, err)
			require.Equal(t, want, n, "a second header is the client's own")
			require.Equal(t, proxyheader.V1, h.Version)
			require.Equal(t, proxyheader.Proxy, h.Command)
			if c.src == "" {
				require.False(t, h.Known())
				return
			}
			require.Equal(t, netip.MustParseAddrPort(c.src), h.Source)
			require.Equal(t, netip.MustParseAddrPort(c.dst), h.Destination)
			everyPrefixIsShort(t, b[:n])
		})
	}
}

// everyPrefixIsShort feeds a whole header byte for byte.
func everyPrefixIsShort(t *testing.T, header []byte) {
	t.Helper()
	for i := range header {
		_, n, err := proxyheader.Decode(header[:i], proxyheader.DecodeOptions{})
		require.ErrorIs(t, err, proxyheader.ErrShort, "first %d bytes", i)
		require.Greater(t, n, i, "it wants more than there is")
		require.LessOrEqual(t, n, len(header), "it never wants more than the header has")
	}
}

func TestDecodeV1Refuses(t *testing.T) {
	cases := []struct{ name, bytes, says string }{
		{"LF alone", "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n", "CR and LF"},
		{"CR alone", "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\rG", "CR and LF"},
		{"107 bytes, no end", "PROXY UNKNOWN " + strings.Repeat("x", 93), "107 bytes"},
		{"108 bytes", "PROXY UNKNOWN " + strings.Repeat("x", 92) + "\r\n", "107 bytes"},
		{"protocol", "PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n", "TCP4"},
		{"lower case", "PROXY tcp4 1.1.1.1 2.2.2.2 1 2\r\n", "TCP4"},
		{"UNKNOWN glued", "PROXY UNKNOWNX\r\n", "two addresses"},
		{"nothing", "PROXY \r\n", "two addresses"},
		{"three fields", "PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n", "two addresses"},
		{"six fields", "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n", "two addresses"},
		{"space at the end", "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n", "two addresses"},
		{"two spaces", "PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n", "two addresses"},
		{"tab", "PROXY TCP4\t1.1.1.1 2.2.2.2 1 2\r\n", "two addresses"},
		{"IPv6 in TCP4", "PROXY TCP4 ::1 2.2.2.2 1 2\r\n", "an address"},
		{"IPv4 in TCP6, as nginx mixes them", "PROXY TCP6 198.51.100.7 2001:db8::1 1 2\r\n", "an address"},
		{"leading zero", "PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n", "an address"},
		{"256", "PROXY TCP4 1.1.1.256 2.2.2.2 1 2\r\n", "an address"},
		{"three parts", "PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n", "an address"},
		{"five parts", "PROXY TCP4 1.1.1.1.1 2.2.2.2 1 2\r\n", "an address"},
		{"dot at the end", "PROXY TCP4 1.1.1.1. 2.2.2.2 1 2\r\n", "an address"},
		{"zone", "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "an address"},
		{"two gaps", "PROXY TCP6 1::2::3 ::1 1 2\r\n", "an address"},
		{"seven groups", "PROXY TCP6 1:2:3:4:5:6:7 ::1 1 2\r\n", "an address"},
		{"nine groups", "PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2\r\n", "an address"},
		{"gap of nothing", "PROXY TCP6 1:2:3:4::5:6:7:8 ::1 1 2\r\n", "an address"},
		{"five digits", "PROXY TCP6 00001:: ::1 1 2\r\n", "an address"},
		{"brackets", "PROXY TCP6 [::1] ::1 1 2\r\n", "an address"},
		{"port 65536", "PROXY TCP4 1.1.1.1 2.2.2.2 65536 2\r\n", "a port"},
		{"port with zero", "PROXY TCP4 1.1.1.1 2.2.2.2 1 02\r\n", "a port"},
		{"port with sign", "PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n", "a port"},
		{"no port", "PROXY TCP4 1.1.1.1 2.2.2.2  2\r\n", "a port"},
		{"port of six digits", "PROXY TCP4 1.1.1.1 2.2.2.2 100000 2\r\n", "a port"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			refused(t, []byte(c.bytes), proxyheader.DecodeOptions{}, proxyheader.V1, c.says)
		})
	}
}

// refused wants an *Error, and no change of mind when more bytes come.
func refused(t *testing.T, b []byte, o proxyheader.DecodeOptions, v proxyheader.Version, says string) {
	t.Helper()
	h, n, err := proxyheader.Decode(b, o)
	require.ErrorIs(t, err, proxyheader.ErrMalformed)
	var typed *proxyheader.Error
	require.ErrorAs(t, err, &typed)
	require.Equal(t, v, typed.Version)
	require.ErrorContains(t, err, says)
	require.Zero(t, n)
	require.Zero(t, h)
	_, _, again := proxyheader.Decode(append(bytes.Clone(b), "\r\nmore\r\n"...), o)
	require.Equal(t, err, again)
}

func v2(t *testing.T, hexadecimal string) []byte {
	t.Helper()
	return []byte(sig + unhex(t, hexadecimal))
}

const (
	addr4 = "c6336407 cb007109 fadd 01bb"
	addr6 = "20010db8000000000000000000000007 20010db8000000000000000000000009 fadd 01bb"
)

func TestDecodeV2(t *testing.T) {
	paths := strings.Repeat("2f", 216)
	cases := []struct {
		name, bytes string
		want        proxyheader.Header
	}{
		{"IPv4", "21 11 000c" + addr4, proxyheader.Header{Source: client4, Destination: front4}},
		{"IPv6", "21 21 0024" + addr6, proxyheader.Header{Source: client6, Destination: front6}},
		{"UDP", "21 12 000c" + addr4, proxyheader.Header{Source: client4, Destination: front4, Datagram: true}},
		{"UDP over IPv6", "21 22 0024" + addr6, proxyheader.Header{Source: client6, Destination: front6, Datagram: true}},
		{"mapped", "21 21 0024 00000000000000000000ffffc6336407 20010db8000000000000000000000009 fadd 01bb",
			proxyheader.Header{Source: client4, Destination: front6}},
		{"UNSPEC", "21 00 0000", proxyheader.Header{}},
		{"UNSPEC with something", "21 00 0002 ffff", proxyheader.Header{}},
		{"LOCAL", "20 00 0000", proxyheader.Header{Command: proxyheader.Local}},
		{"LOCAL with addresses", "20 11 000c" + addr4, proxyheader.Header{Command: proxyheader.Local}},
		{"LOCAL of a family that there is not", "20 ff 0001 00", proxyheader.Header{Command: proxyheader.Local}},
		{"Unix socket", "21 31 00d8" + paths, proxyheader.Header{}},
		{"Unix datagram socket", "21 32 00d8" + paths, proxyheader.Header{Datagram: true}},
		{"extensions", "21 11 0018" + addr4 + "02 0001 61 05 0001 62 e0 0001 63", proxyheader.Header{
			Source: client4, Destination: front4, Authority: []byte("a"), UniqueID: []byte("b"),
			TLVs: proxyheader.TLVs("\x02\x00\x01a\x05\x00\x01b\xe0\x00\x01c")}},
		{"padding", "21 11 0013" + addr4 + "04 0001 00 04 0000", proxyheader.Header{
			Source: client4, Destination: front4, TLVs: proxyheader.TLVs("\x04\x00\x01\x00\x04\x00\x00")}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			header := v2(t, c.bytes)
			h, n, err := proxyheader.Decode(append(bytes.Clone(header), sig...), proxyheader.DecodeOptions{})
			require.NoError(t, err)
			require.Equal(t, len(header), n, "a second header is the client's own")
			c.want.Version = proxyheader.V2
			if c.want.TLVs == nil {
				require.Empty(t, h.TLVs)
				h.TLVs = nil
			}
			require.Equal(t, c.want, h)
			everyPrefixIsShort(t, header)
		})
	}
}

func TestDecodeV2Refuses(t *testing.T) {
	long := strings.Repeat("00", 129)
	longer := strings.Repeat("00", 256)
	cases := []struct{ name, bytes, says string }{
		{"version 1 in binary", "11", "version is not 2"},
		{"version 3", "31 11 000c" + addr4, "version is not 2"},
		{"command 2", "22", "LOCAL nor PROXY"},
		{"family 4", "21 41 000c" + addr4, "combination"},
		{"inet without transport", "21 10 000c" + addr4, "combination"},
		{"transport without family", "21 01 000c" + addr4, "combination"},
		{"transport 3", "21 13 000c" + addr4, "combination"},
		{"length below the addresses, IPv4", "21 11 000b", "too short"},
		{"length below the addresses, IPv6", "21 21 000c", "too short"},
		{"length below the paths", "21 31 00d7", "too short"},
		{"beyond the limit", "21 11 0ff1", "longer than the limit"},
		{"LOCAL beyond the limit", "20 00 ffff", "longer than the limit"},
		{"extension without length", "21 11 000e" + addr4 + "0200", "cut short"},
		{"extension longer than the header", "21 11 000f" + addr4 + "020001", "cut short"},
		{"two authorities", "21 11 0014" + addr4 + "02 0001 61 02 0001 61", "two checksums"},
		{"two unique IDs", "21 11 0014" + addr4 + "05 0001 61 05 0001 61", "two checksums"},
		{"two checksums", "21 11 001a" + addr4 + "03 0004 00000000 03 0004 00000000", "two checksums"},
		{"unique ID of 129 bytes", "21 11 0090" + addr4 + "05 0081" + long, "wrong size"},
		{"authority of 256 bytes", "21 11 010f" + addr4 + "02 0100" + longer, "wrong size"},
		{"checksum of 3 bytes", "21 11 0012" + addr4 + "03 0003 000000", "wrong size"},
		{"checksum of 5 bytes", "21 11 0014" + addr4 + "03 0005 0000000000", "wrong size"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			refused(t, v2(t, c.bytes), proxyheader.DecodeOptions{}, proxyheader.V2, c.says)
		})
	}
}

func TestDecodeChecksum(t *testing.T) {
	h := proxyheader.Header{Source: client6, Destination: front6, CRC32C: true, Authority: []byte("a.example")}
	header, err := proxyheader.AppendV2(nil, &h)
	require.NoError(t, err)
	got, _, err := proxyheader.Decode(header, proxyheader.DecodeOptions{})
	require.NoError(t, err)
	require.True(t, got.CRC32C)
	// Each byte counts, but not those whose change breaks another rule first.
	for i := 16; i < len(header); i++ {
		bad := bytes.Clone(header)
		bad[i] ^= 1
		_, _, err := proxyheader.Decode(bad, proxyheader.DecodeOptions{})
		require.Error(t, err, "byte %d", i)
		if i < 52 || i >= 55 && i < 59 {
			require.ErrorIs(t, err, proxyheader.ErrChecksum, "byte %d", i)
		}
	}
	for i := range header {
		_, _, err := proxyheader.Decode(header[:i], proxyheader.DecodeOptions{})
		require.ErrorIs(t, err, proxyheader.ErrShort)
	}
}

func TestDecodeNotProxy(t *testing.T) {
	for _, s := range []string{
		"G", "GET / HTTP/1.1\r\n", "\x16\x03\x01", "PRI * HTTP/2.0", "PROXZ", "proxy TCP4", "\r\n\r\n\x00\r\nQUIX", "\n", "\x00",
	} {
		_, n, err := proxyheader.Decode([]byte(s), proxyheader.DecodeOptions{})
		require.ErrorIs(t, err, proxyheader.ErrNotProxy, "%q", s)
		require.Zero(t, n)
	}
}

func TestDecodeOnly(t *testing.T) {
	line := []byte("PROXY TCP4 198.51.100.7 203.0.113.9 64221 443\r\n")
	header := v2(t, "21 11 000c"+addr4)
	_, _, err := proxyheader.Decode(line, proxyheader.DecodeOptions{Only: proxyheader.V1})
	require.NoError(t, err)
	_, _, err = proxyheader.Decode(header, proxyheader.DecodeOptions{Only: proxyheader.V2})
	require.NoError(t, err)
	refused(t, line, proxyheader.DecodeOptions{Only: proxyheader.V2}, proxyheader.V1, "only version 2")
	refused(t, header, proxyheader.DecodeOptions{Only: proxyheader.V1}, proxyheader.V2, "only version 1")
}

func TestDecodeMax(t *testing.T) {
	header := v2(t, "21 11 0010"+addr4+"e0 0001 00")
	_, _, err := proxyheader.Decode(header, proxyheader.DecodeOptions{Max: len(header)})
	require.NoError(t, err)
	refused(t, header, proxyheader.DecodeOptions{Max: len(header) - 1}, proxyheader.V2, "limit")
	largest := append(v2(t, "20 00 ffff"), make([]byte, 65535)...)
	_, n, err := proxyheader.Decode(largest, proxyheader.DecodeOptions{Max: proxyheader.MaxV2})
	require.NoError(t, err)
	require.Equal(t, proxyheader.MaxV2, n)
}
