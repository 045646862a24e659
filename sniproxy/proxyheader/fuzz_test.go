package proxyheader_test

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/pires/go-proxyproto"
	"github.com/stretchr/testify/require"
)

func seeds(f *testing.F) {
	f.Helper()
	for _, s := range []string{
		"PROXY TCP4 198.51.100.7 203.0.113.9 64221 443\r\nGET / HTTP/1.1\r\n",
		"PROXY TCP6 2001:db8::7 ::ffff:203.0.113.9 64221 443\r\n",
		"PROXY TCP6 198.51.100.7 2001:db8::1 1 2\r\n",
		"PROXY UNKNOWN\r\n", "PROXY UNKNOWN x y z\r\n", "PROXY ", "\r\n\r\n\x00", "GET / HTTP/1.1\r\n",
		"PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n",
		sig + "\x20\x00\x00\x00", sig + "\x21\x00\x00\x00", sig + "\x20\x11\x00\x01x",
		sig + "\x21\x11\x00\x0c\xc6\x33\x64\x07\xcb\x00\x71\x09\xfa\xdd\x01\xbb",
		sig + "\x21\x11\x00\x13\xc6\x33\x64\x07\xcb\x00\x71\x09\xfa\xdd\x01\xbb\x03\x00\x04\x00\x00\x00\x00",
		sig + "\x21\x12\x00\x10\xc6\x33\x64\x07\xcb\x00\x71\x09\xfa\xdd\x01\xbb\x02\x00\x01a",
	} {
		f.Add([]byte(s))
	}
	for _, h := range []proxyheader.Header{
		{Source: client6, Destination: front6, CRC32C: true, Authority: []byte("a.example"), UniqueID: []byte("id")},
		{Source: client4, Destination: front6, Datagram: true, Align: 128, TLVs: proxyheader.TLVs("\xe0\x00\x01z")},
	} {
		b, err := proxyheader.AppendV2(nil, &h)
		require.NoError(f, err)
		f.Add(b)
	}
}

// FuzzDecode holds the decoder to its three outcomes: no prefix of a header is
// anything but short, no more bytes change a refusal, and what was read can be
// written and read again.
func FuzzDecode(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		o := proxyheader.DecodeOptions{Max: 2048}
		h, n, err := proxyheader.Decode(b, o)
		require.Equal(t, before, b, "Decode only reads")
		switch {
		case err == nil:
			require.LessOrEqual(t, n, len(b))
		case errors.Is(err, proxyheader.ErrShort):
			require.Greater(t, n, len(b))
		default:
			require.Zero(t, n)
			require.Zero(t, h)
		}
		prefixes(t, b, o, n, err)
		if err == nil && h.Known() {
			rewrite(t, h)
		}
	})
}

// prefixes decodes b as it would come in byte for byte.
func prefixes(t *testing.T, b []byte, o proxyheader.DecodeOptions, n int, whole error) {
	t.Helper()
	for i := range min(len(b), o.Max) {
		_, need, err := proxyheader.Decode(b[:i], o)
		switch {
		case whole == nil && i < n:
			require.ErrorIs(t, err, proxyheader.ErrShort, "first %d bytes", i)
			require.LessOrEqual(t, need, n)
		case errors.Is(err, proxyheader.ErrShort):
			require.Greater(t, need, i)
		default:
			require.Equal(t, whole, err, "first %d bytes", i)
		}
	}
}

// rewrite writes a decoded header in both forms.
func rewrite(t *testing.T, h proxyheader.Header) {
	t.Helper()
	b, err := proxyheader.AppendV2(nil, &h)
	require.NoError(t, err)
	again, n, err := proxyheader.Decode(b, proxyheader.DecodeOptions{Max: proxyheader.MaxV2})
	require.NoError(t, err)
	require.Equal(t, len(b), n)
	h.Version = proxyheader.V2
	require.Equal(t, strip(h), strip(again))

	b, err = proxyheader.AppendV1(nil, h.Source, h.Destination)
	require.NoError(t, err)
	require.LessOrEqual(t, len(b), proxyheader.MaxV1)
	line, n, err := proxyheader.Decode(b, proxyheader.DecodeOptions{})
	require.NoError(t, err)
	require.Equal(t, len(b), n)
	require.Equal(t, h.Source, line.Source)
	require.Equal(t, h.Destination, line.Destination)
}

// strip makes two headers comparable whose extensions come in another order.
func strip(h proxyheader.Header) proxyheader.Header {
	h.TLVs = nil
	h.Authority, h.UniqueID = append([]byte{}, h.Authority...), append([]byte{}, h.UniqueID...)
	return h
}

// FuzzRoundTrip writes headers of all kinds and reads them back.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte{198, 51, 100, 7}, []byte{203, 0, 113, 9}, uint16(1), uint16(443), []byte("a.example"), []byte("id"), true, 64, []byte("z"))
	f.Add(make([]byte, 16), []byte{203, 0, 113, 9}, uint16(1), uint16(443), []byte(nil), []byte(nil), false, 0, []byte(nil))
	f.Fuzz(func(t *testing.T, src, dst []byte, sport, dport uint16, authority, id []byte, crc bool, align int, extra []byte) {
		from, _ := netip.AddrFromSlice(src)
		to, _ := netip.AddrFromSlice(dst)
		tlvs, err := proxyheader.AppendTLV(nil, 0xe0, extra)
		if err != nil {
			return
		}
		h := proxyheader.Header{
			Version: proxyheader.V2, Datagram: dport%2 == 0, Source: netip.AddrPortFrom(from, sport), Destination: netip.AddrPortFrom(to, dport),
			Authority: authority, UniqueID: id, CRC32C: crc, Align: align, TLVs: tlvs,
		}
		b, err := proxyheader.Append([]byte("before"), &h)
		if err != nil {
			require.Equal(t, "before", string(b))
			valid := from.IsValid() && to.IsValid()
			fits := len(authority) <= 255 && len(id) <= 128 && align >= 0 && align <= 4096 && len(extra) < 60000
			require.False(t, valid && fits, "refused for no reason: %v", err)
			return
		}
		b = b[len("before"):]
		got, n, err := proxyheader.Decode(append(b, "payload"...), proxyheader.DecodeOptions{Max: proxyheader.MaxV2})
		require.NoError(t, err)
		require.Equal(t, len(b), n)
		if align > 1 {
			require.Zero(t, n%align)
		}
		value, ok := got.TLVs.Get(0xe0)
		require.True(t, ok)
		require.Equal(t, string(extra), string(value))
		h.Align = 0
		h.Source = netip.AddrPortFrom(from.Unmap(), sport)
		h.Destination = netip.AddrPortFrom(to.Unmap(), dport)
		require.Equal(t, strip(h), strip(got))
	})
}

// FuzzDifferential compares with go-proxyproto. Where both take a header they
// agree on its length, addresses and extensions. [intended] lists why one may
// take what the other refuses.
func FuzzDifferential(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		ours, n, err := proxyheader.Decode(b, proxyheader.DecodeOptions{})
		r := bufio.NewReaderSize(bytes.NewReader(b), 4096)
		theirs, theirErr := proxyproto.Read(r)
		if (err == nil) != (theirErr == nil) {
			require.NotEmpty(t, intended(b, &ours, err), "%q\nours:   %v %v\ntheirs: %v %v", b, ours, err, theirs, theirErr)
			return
		}
		if err != nil {
			return
		}
		require.Equal(t, len(b)-n, rest(t, r), "what is left for the server")
		require.Equal(t, byte(ours.Version), theirs.Version)
		if !ours.Known() { // they call UNKNOWN a LOCAL
			require.True(t, theirs.Command.IsLocal() || theirs.TransportProtocol.IsUnix())
			return
		}
		require.True(t, theirs.Command.IsProxy())
		src, srcOK := endpoint(theirs.SourceAddr)
		dst, dstOK := endpoint(theirs.DestinationAddr)
		require.True(t, srcOK && dstOK, "%v", theirs)
		require.Equal(t, ours.Source, src)
		require.Equal(t, ours.Destination, dst)
		if ours.Version == proxyheader.V2 {
			sameTLVs(t, ours.TLVs, theirs)
		}
	})
}

// rest counts the bytes that the reader has not given out.
func rest(t *testing.T, r *bufio.Reader) int {
	t.Helper()
	var left bytes.Buffer
	_, err := left.ReadFrom(r)
	require.NoError(t, err)
	return left.Len()
}

func endpoint(a net.Addr) (netip.AddrPort, bool) {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.TCPAddr:
		ap = a.AddrPort()
	case *net.UDPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), ap.IsValid()
}

func sameTLVs(t *testing.T, ours proxyheader.TLVs, theirs *proxyproto.Header) {
	t.Helper()
	list, err := theirs.TLVs()
	require.NoError(t, err)
	i := 0
	for kind, value := range ours.All() {
		require.Less(t, i, len(list))
		require.Equal(t, kind, byte(list[i].Type))
		if kind != proxyheader.TypeNoop { // they leave padding out
			require.Equal(t, string(value), string(list[i].Value))
		}
		i++
	}
	require.Len(t, list, i)
}

// intended says why one of the two takes a header that the other refuses; ""
// when there is no such reason.
func intended(b []byte, ours *proxyheader.Header, err error) string {
	var typed *proxyheader.Error
	switch {
	case err == nil && ours.Command == proxyheader.Local:
		return "LOCAL: the family is ignored by the protocol's text, they want a known one"
	case err == nil && ours.Version == proxyheader.V2 && b[13] == 0:
		return "PROXY with UNSPEC: a receiver may take it, as the Listener does on request"
	case errors.Is(err, proxyheader.ErrChecksum):
		return "they do not verify checksums"
	case !errors.As(err, &typed):
		return ""
	}
	for reason, why := range map[string]string{
		"an extension is cut short": "they look at extensions only when asked for them",
		"two checksums":             "they return all, and a reader may take either",
		"a checksum, authority or unique ID of a wrong size": "they know no limits of extensions",
		"longer than the limit":                              "our limit counts the 16 bytes before the addresses",
		"CR and LF may only come together":                   "they let a CR stand inside an UNKNOWN line",
	} {
		if bytes.Contains([]byte(typed.Reason), []byte(reason)) {
			return why
		}
	}
	return ""
}
