package quic_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
	"github.com/mythic-beasts/hostkit/sniproxy/quic"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

func vector(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	b, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
	require.NoError(t, err)
	return b
}

// TestVectors opens the clients' Initial packets of RFC 9001 appendix A.2 and RFC
// 9369 appendix A.2.
func TestVectors(t *testing.T) {
	for _, name := range []string{"rfc9001-a2.hex", "rfc9369-a2.hex"} {
		t.Run(name, func(t *testing.T) {
			packet := vector(t, name)
			require.Len(t, packet, 1200)
			before := bytes.Clone(packet)
			var c quic.Collector
			var info clienthello.Info
			status, err := c.Add(packet, &info)
			require.NoError(t, err)
			require.Equal(t, clienthello.Complete, status)
			require.Equal(t, "example.com", string(info.ServerName))
			require.True(t, info.HasALPN("alpn"))
			require.True(t, info.QUIC)
			require.Equal(t, before, packet, "the datagram that is forwarded stays as it was")
		})
	}
}

// Server packets of RFC 9001 appendix A.3 and RFC 9369 appendix A.3: the other
// direction's keys.
func TestServerVectors(t *testing.T) {
	dcid := []byte{0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08}
	for _, name := range []string{"rfc9001-a3.hex", "rfc9369-a3.hex"} {
		frames, ok := quic.OpenRefusal(vector(t, name), dcid)
		require.True(t, ok, name)
		require.Equal(t, byte(0x02), frames[0], "it begins with an ACK")
		require.Contains(t, string(frames), "\x06\x00\x40\x5a\x02\x00\x00\x56", "and a ServerHello")
	}
}

// TestPacketNumbers is the example of RFC 9000 appendix A.3, and the ends of the
// window.
func TestPacketNumbers(t *testing.T) {
	for _, tc := range []struct {
		want, largest int64
		truncated     uint64
		bits          int
	}{
		{0xa82f9b32, 0xa82f30ea, 0x9b32, 16},
		{0, -1, 0, 8},
		{255, 254, 255, 8},
		{256, 255, 0, 8},
		{254, 256, 254, 8},
		{0xffffffff, 0xfffffffe, 0xffffffff, 32},
	} {
		require.Equal(t, tc.want, quic.DecodeNumber(tc.largest, tc.truncated, tc.bits))
	}
}

var (
	dcid = []byte("12345678")
	scid = []byte("client")
)

// cryptoFrame is a CRYPTO frame with four-byte varints.
func cryptoFrame(offset int, data []byte) []byte {
	b := []byte{6}
	for _, v := range []int{offset, len(data)} {
		b = append(b, 0x80|byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	}
	return append(b, data...)
}

func message(name string, o sniproxytest.HelloOptions) []byte {
	o.QUIC = []byte{1, 2, 0x40, 0x64}
	o.ALPN = []string{"h3"}
	return sniproxytest.HelloMessage(name, o)
}

// chopped cuts a message into n frames, shuffled with PING and PADDING between
// them, as Chrome does, and puts them into as many packets as needed.
func chopped(hello []byte, n int, rng *rand.Rand) [][]byte {
	var frames [][]byte
	cut := 0
	for i := range n {
		end := len(hello) * (i + 1) / n
		frames = append(frames, cryptoFrame(cut, hello[cut:end]))
		cut = end
	}
	rng.Shuffle(len(frames), func(i, j int) { frames[i], frames[j] = frames[j], frames[i] })
	var packets [][]byte
	var payload []byte
	flush := func() {
		packets = append(packets, quic.SealInitial(quic.Version1, dcid, scid, byte(len(packets)), payload, 1200))
		payload = nil
	}
	for _, f := range frames {
		if len(payload)+len(f) > 1150 {
			flush()
		}
		payload = append(append(payload, f...), make([]byte, rng.IntN(3))...)
		if rng.IntN(2) == 0 {
			payload = append(payload, 1)
		}
	}
	flush()
	rng.Shuffle(len(packets), func(i, j int) { packets[i], packets[j] = packets[j], packets[i] })
	return packets
}

// TestShuffledHellos: post-quantum hellos in several packets, with their pieces in
// any order, and packets repeated.
func TestShuffledHellos(t *testing.T) {
	hello := message(site, sniproxytest.HelloOptions{})
	require.Greater(t, len(hello), 1200)
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		packets := chopped(hello, 1+rng.IntN(60), rng)
		if len(packets) == 1 {
			continue
		}
		var c quic.Collector
		var info clienthello.Info
		for i, p := range packets {
			for range 2 { // twice: it may be repeated
				status, err := c.Add(p, &info)
				require.NoError(t, err, "seed %d", seed)
				require.Equal(t, i == len(packets)-1, status == clienthello.Complete, "seed %d, packet %d", seed, i)
			}
		}
		require.Equal(t, site, string(info.ServerName))
		require.True(t, info.HasALPN("h3"))
	}
}

// TestCoalesced: the Initial packet is not the first of its datagram, and something
// follows it.
func TestCoalesced(t *testing.T) {
	hello := message(site, sniproxytest.HelloOptions{Classical: true})
	packet := quic.SealInitial(quic.Version2, dcid, scid, 0, cryptoFrame(0, hello), 0)
	zeroRTT := []byte{0xe0, 0x6b, 0x33, 0x43, 0xcf, 8}
	zeroRTT = append(append(zeroRTT, dcid...), 0, 0x40, 100)
	zeroRTT = append(zeroRTT, make([]byte, 100)...)
	datagram := append(bytes.Clone(zeroRTT), packet...)
	datagram = append(append(datagram, zeroRTT...), make([]byte, 1200)...)
	var c quic.Collector
	var info clienthello.Info
	status, err := c.Add(datagram, &info)
	require.NoError(t, err)
	require.Equal(t, clienthello.Complete, status)
	require.Equal(t, site, string(info.ServerName))
}

func TestCollectorIgnores(t *testing.T) {
	hello := message(site, sniproxytest.HelloOptions{Classical: true})
	good := quic.SealInitial(quic.Version1, dcid, scid, 0, cryptoFrame(0, hello), 1200)
	forged := bytes.Clone(good)
	forged[len(forged)-1]++
	unknown := bytes.Clone(good)
	unknown[4] = 9
	cut := bytes.Clone(good)
	cut[6+8+1+6+1] = 0x7f // the length
	for name, b := range map[string][]byte{
		"forged":                 forged,
		"unknown version":        unknown,
		"length beyond the end":  cut,
		"small datagram":         quic.SealInitial(quic.Version1, dcid, scid, 0, cryptoFrame(0, hello), 0),
		"short connection ID":    quic.SealInitial(quic.Version1, dcid[:7], scid, 0, cryptoFrame(0, hello), 1200),
		"long connection ID":     quic.SealInitial(quic.Version1, bytes.Repeat(dcid, 3), scid, 0, cryptoFrame(0, hello), 1200),
		"short header":           append([]byte{0x40}, make([]byte, 1300)...),
		"Retry":                  append(append([]byte{0xf0, 0, 0, 0, 1, 8}, dcid...), make([]byte, 1300)...),
		"Version Negotiation":    append(append([]byte{0xc0, 0, 0, 0, 0, 8}, dcid...), make([]byte, 1300)...),
		"nothing but long forms": bytes.Repeat([]byte{0xc0}, 1300),
	} {
		t.Run(name, func(t *testing.T) {
			var c quic.Collector
			var info clienthello.Info
			status, err := c.Add(b, &info)
			require.NoError(t, err)
			require.Equal(t, clienthello.NeedMore, status)
			require.False(t, c.Started())
			status, err = c.Add(good, &info)
			require.NoError(t, err)
			require.Equal(t, clienthello.Complete, status)
			require.True(t, c.Started())
		})
	}
	t.Run("another connection's packet", func(t *testing.T) {
		var c quic.Collector
		var info clienthello.Info
		first := quic.SealInitial(quic.Version1, dcid, scid, 0, cryptoFrame(0, hello[:100]), 1200)
		other := quic.SealInitial(quic.Version1, []byte("87654321"), scid, 0, cryptoFrame(100, hello[100:]), 1200)
		for _, b := range [][]byte{first, other} {
			status, err := c.Add(b, &info)
			require.NoError(t, err)
			require.Equal(t, clienthello.NeedMore, status)
		}
	})
}

// TestProtocolErrors: authentic packets against the rules are no hello to come.
func TestProtocolErrors(t *testing.T) {
	hello := message(site, sniproxytest.HelloOptions{Classical: true})
	var scattered []byte
	for i := range 200 {
		scattered = append(scattered, cryptoFrame(4+2*i, []byte{0})...)
	}
	for name, tc := range map[string]struct {
		packets [][]byte
		want    string
	}{
		"STREAM frame":           {[][]byte{{8, 0, 'x'}}, "against the protocol"},
		"HANDSHAKE_DONE frame":   {[][]byte{{0x1e}}, "against the protocol"},
		"type in two bytes":      {[][]byte{{0x40, 0x06, 0, 1, 1}}, "against the protocol"},
		"frame cut off":          {[][]byte{{6, 0, 0x7f}}, "against the protocol"},
		"ACK with a huge count":  {[][]byte{{2, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0}}, "against the protocol"},
		"contradiction":          {[][]byte{cryptoFrame(4, hello[4:50]), cryptoFrame(10, []byte("evil"))}, "against the protocol"},
		"beyond the limit":       {[][]byte{cryptoFrame(1<<20, []byte("x"))}, "against the protocol"},
		"hundreds of pieces":     {[][]byte{scattered[:1100], scattered[1100:]}, "against the protocol"},
		"ServerHello":            {[][]byte{cryptoFrame(0, []byte{2, 0, 0, 0})}, "another handshake message"},
		"large hello":            {[][]byte{cryptoFrame(0, []byte{1, 1, 0, 0})}, "larger than allowed"},
		"two names":              {[][]byte{cryptoFrame(0, message(site, sniproxytest.HelloOptions{Classical: true, SecondName: "evil.example"}))}, "more than one server name"},
		"ACK, PING and CLOSE ok": {[][]byte{{3, 5, 0, 1, 0, 0, 0, 1, 1, 1, 1, 0x1c, 0, 0, 1, 'x', 8}}, "against the protocol"}, // the last one is not
	} {
		t.Run(name, func(t *testing.T) {
			var c quic.Collector
			var info clienthello.Info
			var status clienthello.Status
			var err error
			for i, frames := range tc.packets {
				require.NoError(t, err)
				status, err = c.Add(quic.SealInitial(quic.Version1, dcid, scid, byte(i), frames, 1200), &info)
			}
			require.Equal(t, clienthello.Malformed, status)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestReservedBits(t *testing.T) {
	hello := message(site, sniproxytest.HelloOptions{Classical: true})
	for _, bits := range []byte{0x04, 0x08} {
		var c quic.Collector
		var info clienthello.Info
		status, err := c.Add(quic.SealReserved(bits, quic.Version1, dcid, scid, 0, cryptoFrame(0, hello), 1200), &info)
		require.Equal(t, clienthello.Malformed, status)
		require.ErrorIs(t, err, quic.ErrProtocol)
	}
}

// TestOtherFrames: what Initial packets may also hold does no harm.
func TestOtherFrames(t *testing.T) {
	hello := message(site, sniproxytest.HelloOptions{Classical: true})
	frames := []byte{3, 5, 0, 1, 0, 0, 0, 1, 1, 1, 1, 0x1c, 0, 0, 1, 'x', 2, 9, 0, 0, 9, 0}
	frames = append(frames, cryptoFrame(0, hello)...)
	var c quic.Collector
	var info clienthello.Info
	status, err := c.Add(quic.SealInitial(quic.Version1, dcid, scid, 0, frames, 1200), &info)
	require.NoError(t, err)
	require.Equal(t, clienthello.Complete, status)
}

// FuzzCollector takes any datagrams; FuzzFrames any frames within an authentic
// packet: neither panics, and a name comes only from a hello that parses.
func FuzzCollector(f *testing.F) {
	f.Add(vector(f, "rfc9001-a2.hex"), []byte{})
	f.Add(vector(f, "rfc9369-a2.hex"), vector(f, "rfc9001-a2.hex"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var c quic.Collector
		var info clienthello.Info
		for _, datagram := range [][]byte{a, b} {
			before := bytes.Clone(datagram)
			status, err := c.Add(datagram, &info)
			require.Equal(t, status == clienthello.Malformed, err != nil)
			require.False(t, status == clienthello.Complete && !c.Started())
			require.Equal(t, before, datagram)
		}
	})
}

func FuzzFrames(f *testing.F) {
	hello := message(site, sniproxytest.HelloOptions{Classical: true})
	f.Add(cryptoFrame(0, hello), []byte{1})
	f.Add(cryptoFrame(100, hello[100:]), cryptoFrame(0, hello[:120]))
	f.Add([]byte{3, 5, 0, 1, 0, 0, 0, 1, 1, 1, 1, 0x1c, 0, 0, 1, 'x', 2, 9, 0, 0, 9}, cryptoFrame(3, hello[:9]))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a) > 1100 || len(b) > 1100 {
			return
		}
		var there, back quic.Collector
		var info, infoBack clienthello.Info
		one := quic.SealInitial(quic.Version1, dcid, scid, 0, bytes.Clone(a), 1200)
		two := quic.SealInitial(quic.Version1, dcid, scid, 1, bytes.Clone(b), 1200)
		status, err := there.Add(one, &info)
		if err == nil && status == clienthello.NeedMore {
			status, err = there.Add(two, &info)
		} else {
			return
		}
		statusBack, errBack := back.Add(two, &infoBack)
		if errBack != nil || statusBack != clienthello.NeedMore {
			return
		}
		statusBack, errBack = back.Add(one, &infoBack)
		if errors.Is(err, quic.ErrProtocol) || errors.Is(errBack, quic.ErrProtocol) {
			return // how many pieces there are at a time depends on the order
		}
		require.Equal(t, status, statusBack, "the order of packets does not matter")
		require.Equal(t, string(info.ServerName), string(infoBack.ServerName))
	})
}
