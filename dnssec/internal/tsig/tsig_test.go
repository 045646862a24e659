package tsig_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec/internal/tsig"
	"github.com/stretchr/testify/require"
)

var secret = []byte("0123456789abcdef0123456789abcdef")

func Example() {
	key, err := tsig.NewKey("xfr.example", "hmac-sha256", secret)
	if err != nil {
		panic(err)
	}
	request, _ := new(dns.Msg).SetAxfr("example.").Pack()
	request = key.Chain(nil).Sign(request, time.Now())

	body, record, err := tsig.Split(request)
	fmt.Println(err, key.Chain(nil).Verify(body, record, time.Now()))
	// Output: <nil> <nil>
}

func newKey(t testing.TB, algorithm string) *tsig.Key {
	k, err := tsig.NewKey("XFR.example", algorithm, secret)
	require.NoError(t, err)
	return k
}

// The other side is another implementation, with all algorithms, in both directions
// and over several messages.
func TestSameAsLibrary(t *testing.T) {
	for _, algorithm := range []string{"hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512"} {
		t.Run(algorithm, func(t *testing.T) {
			k, text := newKey(t, algorithm), base64.StdEncoding.EncodeToString(secret)
			m := new(dns.Msg).SetAxfr("example.org.").SetTsig("xfr.example.", algorithm+".", 300, time.Now().Unix())
			request, mac, err := dns.TsigGenerate(m, text, "", false)
			require.NoError(t, err)
			body, r, err := tsig.Split(request)
			require.NoError(t, err)
			chain := k.Chain(nil)
			require.NoError(t, chain.Verify(body, r, time.Now()))
			for i := range 3 {
				answer, err := new(dns.Msg).SetReply(m).Pack()
				require.NoError(t, err)
				size := len(answer)
				answer = chain.Sign(answer, time.Now())
				require.Len(t, answer, size+k.Size())
				require.NoError(t, dns.TsigVerify(append([]byte(nil), answer...), text, mac, i > 0))
				_, r, err := tsig.Split(answer)
				require.NoError(t, err)
				mac = fmt.Sprintf("%x", r.MAC)
			}
		})
	}
}

// A client that sends and checks: with messages in between that have no signature.
func TestStreamWithGaps(t *testing.T) {
	k := newKey(t, "hmac-sha256")
	client := k.Chain(nil)
	request := client.Sign(pack(t), time.Now())
	_, r, err := tsig.Split(request)
	require.NoError(t, err)
	server := k.Chain(r.MAC)
	check := func(msg []byte) error {
		body, r, err := tsig.Split(msg)
		require.NoError(t, err)
		return client.Verify(body, r, time.Now())
	}
	require.NoError(t, check(server.Sign(pack(t), time.Now())))
	plain := pack(t)
	server.Skip(plain)
	client.Skip(plain)
	require.NoError(t, check(server.Sign(pack(t), time.Now())))
	server.Skip(plain)
	client.Skip(append([]byte{1}, plain...))
	require.ErrorIs(t, check(server.Sign(pack(t), time.Now())), tsig.ErrSig)
}

func pack(t testing.TB) []byte {
	msg, err := new(dns.Msg).SetAxfr("example.org.").Pack()
	require.NoError(t, err)
	return msg
}

func TestVerifyRefuses(t *testing.T) {
	k, now := newKey(t, "hmac-sha256"), time.Now()
	for name, c := range map[string]struct {
		change func(body []byte, r *tsig.Record)
		at     time.Duration
		want   error
	}{
		"good":          {want: nil},
		"octet":         {change: func(body []byte, _ *tsig.Record) { body[len(body)-1] ^= 1 }, want: tsig.ErrSig},
		"MAC":           {change: func(_ []byte, r *tsig.Record) { r.MAC[3] ^= 1 }, want: tsig.ErrSig},
		"time":          {change: func(_ []byte, r *tsig.Record) { r.Time++ }, want: tsig.ErrSig},
		"fudge":         {change: func(_ []byte, r *tsig.Record) { r.Fudge++ }, want: tsig.ErrSig},
		"error":         {change: func(_ []byte, r *tsig.Record) { r.Error++ }, want: tsig.ErrSig},
		"other":         {change: func(_ []byte, r *tsig.Record) { r.Other = []byte{1} }, want: tsig.ErrSig},
		"key":           {change: func(_ []byte, r *tsig.Record) { r.Key = "\x01x\x00" }, want: tsig.ErrKey},
		"algorithm":     {change: func(_ []byte, r *tsig.Record) { r.Algorithm = "\x01x\x00" }, want: tsig.ErrKey},
		"truncated":     {change: func(_ []byte, r *tsig.Record) { r.MAC = r.MAC[:16] }, want: tsig.ErrTrunc},
		"too short":     {change: func(_ []byte, r *tsig.Record) { r.MAC = r.MAC[:15] }, want: tsig.ErrFormat},
		"none":          {change: func(_ []byte, r *tsig.Record) { r.MAC = nil }, want: tsig.ErrFormat},
		"too long":      {change: func(_ []byte, r *tsig.Record) { r.MAC = append(r.MAC, 0) }, want: tsig.ErrFormat},
		"just in time":  {at: 300 * time.Second, want: nil},
		"just too late": {at: 301 * time.Second, want: tsig.ErrTime},
		"the future":    {at: -301 * time.Second, want: tsig.ErrTime},
	} {
		t.Run(name, func(t *testing.T) {
			body, r, err := tsig.Split(k.Chain(nil).Sign(pack(t), now))
			require.NoError(t, err)
			if c.change != nil {
				c.change(body, r)
			}
			require.ErrorIs(t, k.Chain(nil).Verify(body, r, now.Add(c.at)), c.want)
		})
	}
	require.ErrorIs(t, k.Chain(nil).Verify(pack(t), nil, now), tsig.ErrUnsigned)
}

func TestNewKeyRefuses(t *testing.T) {
	for _, c := range []struct {
		name, algorithm string
		secret          []byte
	}{
		{"k", "hmac-md5.sig-alg.reg.int", secret}, {"k", "hmac-sha256", nil}, {"a..b", "hmac-sha256", secret}, {"", "hmac-sha256", secret},
	} {
		_, err := tsig.NewKey(c.name, c.algorithm, c.secret)
		require.Error(t, err)
		require.NotContains(t, err.Error(), string(secret))
	}
}

func TestSplitRefuses(t *testing.T) {
	good := newKey(t, "hmac-sha256").Chain(nil).Sign(pack(t), time.Now())
	for n := range good {
		_, r, err := tsig.Split(good[:n])
		require.True(t, err != nil || r == nil, n)
	}
	_, _, err := tsig.Split(append(append([]byte(nil), good...), 0)) // octets behind it
	require.ErrorIs(t, err, tsig.ErrFormat)
	two := append([]byte(nil), good...)
	body, r, err := tsig.Split(good)
	require.NoError(t, err)
	require.Equal(t, pack(t)[4:], body[4:])
	_, _, err = tsig.Split(r.Append(two)) // two records
	require.ErrorIs(t, err, tsig.ErrFormat)
	answer := append([]byte(nil), good...) // in the answer section
	binary.BigEndian.PutUint16(answer[10:], 0)
	binary.BigEndian.PutUint16(answer[6:], 1)
	_, _, err = tsig.Split(answer)
	require.ErrorIs(t, err, tsig.ErrFormat)
}

// What Split takes, the library takes apart in the same way.
func FuzzSplit(f *testing.F) {
	msg, err := new(dns.Msg).SetAxfr("example.org.").Pack()
	require.NoError(f, err)
	k, err := tsig.NewKey("a.b", "hmac-sha512", secret)
	require.NoError(f, err)
	f.Add(msg)
	f.Add(k.Chain(nil).Sign(msg, time.Unix(1, 0)))
	f.Fuzz(func(t *testing.T, msg []byte) {
		body, r, err := tsig.Split(msg)
		if err != nil || r == nil {
			return
		}
		require.LessOrEqual(t, len(body), len(msg))
		again := r.Append(append([]byte(nil), body...))
		body2, r2, err := tsig.Split(again)
		require.NoError(t, err)
		require.Equal(t, body, body2)
		require.Equal(t, r.Key, r2.Key)
		require.Equal(t, r.MAC, r2.MAC)
		require.Equal(t, r.Other, r2.Other)
	})
}
