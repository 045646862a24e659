package dnssec_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

func TestNothingToDoIsThePreviousZone(t *testing.T) {
	for _, denial := range denials {
		s := &dnssec.Signer{Denial: denial, Serial: dnssec.SerialUnixTime}
		keys := pair(t, dnssec.ECDSAP256SHA256)
		z, first := sign(t, s, parse(t, shapes), nil, keys, now())
		again, report := sign(t, s, parse(t, shapes), z, keys, now().Add(time.Hour))
		require.Same(t, z, again)
		require.Equal(t, dnssec.Report{Reused: first.Signed, NextRefresh: first.NextRefresh}, report)
	}
}

// One record more makes four signatures: the SOA's, the record's, and two of NSEC.
func TestOneRecordMore(t *testing.T) {
	s, keys, unsigned := &dnssec.Signer{}, pair(t, dnssec.ECDSAP256SHA256), parse(t, typed())
	z, first := sign(t, s, unsigned, nil, keys, now())
	edited, err := unsigned.Update(func(tx *dnssec.Tx) error {
		return tx.Add(rr(t, "_acme-challenge.www.hosting.test. 60 TXT token"))
	})
	require.NoError(t, err)
	next, report := sign(t, s, edited, z, keys, now())
	requireSigned(t, next, keys, now())
	require.Equal(t, 4, report.Signed)
	require.Equal(t, first.Signed-2, report.Reused)
	require.Equal(t, 2, report.Dropped)
	removed, added := dnssec.Diff(z, next)
	require.Len(t, removed, 4) // SOA, NSEC, and their signatures
	require.Len(t, added, 8)

	back, _ := sign(t, s, unsigned, next, keys, now())
	require.Equal(t, next.Serial()+1, back.Serial())
}

func TestSignaturesAreRefreshedInTime(t *testing.T) {
	s := &dnssec.Signer{Validity: dnssec.Validity{
		Lifetime: 10 * 24 * time.Hour, Refresh: 3 * 24 * time.Hour, Jitter: 24 * time.Hour, Skew: 2 * time.Hour,
	}}
	keys, unsigned, start := pair(t, dnssec.ECDSAP256SHA256), parse(t, typed()), now()
	z, report := sign(t, s, unsigned, nil, keys, start)
	spread := map[uint32]bool{}
	for _, rr := range ofType(z, dns.TypeRRSIG) {
		sig := rr.(*dns.RRSIG)
		spread[sig.Expiration] = true
		require.EqualValues(t, start.Add(-2*time.Hour).Unix(), sig.Inception)
		left := time.Duration(int64(sig.Expiration)-start.Unix()) * time.Second
		require.LessOrEqual(t, left, 10*24*time.Hour)
		require.Greater(t, left, 9*24*time.Hour)
	}
	require.Greater(t, len(spread), 10)

	same, _ := sign(t, s, unsigned, z, keys, report.NextRefresh.Add(-time.Second))
	require.Same(t, z, same)
	at := start
	for range 40 { // each refresh is due, does something, and leaves nothing expired
		at = report.NextRefresh
		var next *dnssec.Zone
		next, report = sign(t, s, unsigned, z, keys, at)
		require.True(t, report.Changed)
		require.NotZero(t, report.Signed)
		requireSigned(t, next, keys, at.Add(3*24*time.Hour-time.Second))
		z = next
	}
	require.Greater(t, at, start.AddDate(0, 0, 7))
}

// A clock that was ahead, and one that jumps: all signatures are made anew.
func TestClocksThatWereWrong(t *testing.T) {
	s, keys, unsigned := &dnssec.Signer{}, pair(t, dnssec.ECDSAP256SHA256), parse(t, typed())
	for _, wrong := range []time.Time{now().AddDate(1, 0, 0), now().AddDate(-1, 0, 0)} {
		z, _ := sign(t, s, unsigned, nil, keys, wrong)
		next, report := sign(t, s, unsigned, z, keys, now())
		require.Zero(t, report.Reused)
		requireSigned(t, next, keys, now())
	}
}

func TestSignaturesOfOtherKeysGo(t *testing.T) {
	s, unsigned := &dnssec.Signer{}, parse(t, typed())
	keys := pair(t, dnssec.ECDSAP256SHA256)
	z, first := sign(t, s, unsigned, nil, keys, now())
	// A new ZSK: the DNSKEY set is signed again, as it changed, and all others are.
	swapped := []dnssec.KeyUse{keys[0], dnssec.ZSK(key(t, dnssec.KeyOptions{}))}
	next, report := sign(t, s, unsigned, z, swapped, now())
	require.Zero(t, report.Reused)
	require.Equal(t, first.Signed, report.Dropped)
	requireSigned(t, next, swapped, now())
	// One published before it signs: its DNSKEY is all that is new.
	waiting := []dnssec.KeyUse{keys[0], keys[1], {Key: swapped[1].Key, Publish: true}}
	next, report = sign(t, s, unsigned, z, waiting, now())
	require.Equal(t, 2, report.Signed, "SOA and DNSKEY")
	requireSigned(t, next, waiting, now())
	// Two sign.
	double := []dnssec.KeyUse{keys[0], keys[1], swapped[1]}
	next, report = sign(t, s, unsigned, next, double, now())
	requireSigned(t, next, double, now())
	require.NotZero(t, report.Reused)
}

// A conservative algorithm roll, step by step (RFC 6781, section 4.1.4).
func TestAlgorithmRoll(t *testing.T) {
	s, unsigned := &dnssec.Signer{}, parse(t, typed())
	old := key(t, dnssec.KeyOptions{SEP: true})
	young := key(t, dnssec.KeyOptions{SEP: true, Algorithm: dnssec.Ed25519})
	var z *dnssec.Zone
	for _, keys := range [][]dnssec.KeyUse{
		{dnssec.CSK(old)},
		{dnssec.CSK(old), {Key: young, SignKeys: true, SignZone: true}},
		{dnssec.CSK(old), dnssec.CSK(young)},
		{{Key: old, SignKeys: true, SignZone: true}, dnssec.CSK(young)},
		{dnssec.CSK(young)},
	} {
		z, _ = sign(t, s, unsigned, z, keys, now())
		requireSigned(t, z, keys, now())
	}
}

// A key of the same tag as one before does not take over its signatures.
func TestReuseKnowsItsKey(t *testing.T) {
	a, b := colliding(t)
	ksk := dnssec.KSK(key(t, dnssec.KeyOptions{SEP: true, Algorithm: dnssec.Ed25519, Others: []*dnssec.Key{a}}))
	z, _ := sign(t, &dnssec.Signer{}, parse(t, typed()), nil, []dnssec.KeyUse{ksk, dnssec.ZSK(a)}, now())
	keys := []dnssec.KeyUse{ksk, dnssec.ZSK(b)}
	next, report := sign(t, &dnssec.Signer{}, parse(t, typed()), z, keys, now())
	require.Zero(t, report.Reused)
	requireSigned(t, next, keys, now())
}

func TestSerials(t *testing.T) {
	at := time.Date(2026, 5, 6, 23, 59, 0, 0, time.FixedZone("", -3600)) // the 7th in UTC
	const today = 2026050700
	unix := uint32(at.Unix())
	for _, c := range []struct {
		name           string
		policy         dnssec.SerialPolicy
		unsigned, prev uint32 // of prev, zero is none
		want           uint32
	}{
		{"first", dnssec.SerialIncrement, 7, 0, 7},
		{"next", dnssec.SerialIncrement, 7, 9, 10},
		{"raised by hand", dnssec.SerialIncrement, 12, 9, 12},
		{"wraps past zero", dnssec.SerialIncrement, 7, 1<<32 - 1, 7},
		{"wraps without zero", dnssec.SerialIncrement, 1<<32 - 2, 1<<32 - 1, 1},
		{"kept", dnssec.SerialKeep, 12, 9, 12},
		{"kept first", dnssec.SerialKeep, 12, 0, 12},
		{"time", dnssec.SerialUnixTime, 1, 5, unix},
		{"time is behind", dnssec.SerialUnixTime, 1, unix + 10, unix + 11},
		{"date", dnssec.SerialDate, 1, 5, today},
		{"date again", dnssec.SerialDate, 1, today, today + 1},
		{"date first", dnssec.SerialDate, 1, 0, today},
	} {
		s, keys := &dnssec.Signer{Serial: c.policy}, pair(t, dnssec.Ed25519)
		var prev *dnssec.Zone
		if c.prev != 0 {
			prev = withSerial(t, parse(t, shapes), c.prev)
		}
		z, _ := sign(t, s, withSerial(t, parse(t, shapes), c.unsigned), prev, keys, at)
		require.Equal(t, c.want, z.Serial(), c.name)
	}
	s, keys := &dnssec.Signer{Serial: dnssec.SerialKeep}, pair(t, dnssec.Ed25519)
	_, _, err := s.Sign(t.Context(), parse(t, shapes), parse(t, shapes), keys, at)
	require.ErrorContains(t, err, "is not after the last one published")
	// A serial raised by hand is a change, though all else is the same.
	z, _ := sign(t, s, parse(t, shapes), nil, keys, at)
	next, report := sign(t, s, withSerial(t, parse(t, shapes), 2026010101), z, keys, at)
	require.Equal(t, 1, report.Signed)
	require.EqualValues(t, 2026010101, next.Serial())
}

func withSerial(t *testing.T, z *dnssec.Zone, serial uint32) *dnssec.Zone {
	soa := z.RRset(z.Origin(), dns.TypeSOA)[0].(*dns.SOA)
	soa.Serial = serial
	z, err := z.Update(func(tx *dnssec.Tx) error { return tx.Replace(soa) })
	require.NoError(t, err)
	return z
}

func TestSigningsThatCannotBe(t *testing.T) {
	unsigned := parse(t, shapes)
	keys := pair(t, dnssec.Ed25519)
	foreign, err := dnssec.GenerateKey("other.test", dnssec.KeyOptions{})
	require.NoError(t, err)
	rootZone, err := dnssec.NewZone("test", []dns.RR{rr(t, "test. 60 SOA a. b. 1 2 3 4 5")}, dnssec.Options{})
	require.NoError(t, err)
	day := 24 * time.Hour
	p256 := key(t, dnssec.KeyOptions{})
	for _, c := range []struct {
		name, want string
		signer     dnssec.Signer
		zone, prev *dnssec.Zone
		keys       []dnssec.KeyUse
	}{
		{"no zone", "is nil", dnssec.Signer{}, nil, nil, keys},
		{"another zone", "the previous zone is test.", dnssec.Signer{}, unsigned, rootZone, keys},
		{"no keys", "no key is published", dnssec.Signer{}, unsigned, nil, nil},
		{"no ZSK", "none signs", dnssec.Signer{}, unsigned, nil, keys[:1]},
		{"no KSK", "none signs", dnssec.Signer{}, unsigned, nil, keys[1:]},
		{"nil key", "a key is nil", dnssec.Signer{}, unsigned, nil, []dnssec.KeyUse{{}}},
		{"foreign key", "another zone", dnssec.Signer{}, unsigned, nil, append(keys[:2:2], dnssec.ZSK(foreign))},
		{"one key twice", "one tag", dnssec.Signer{}, unsigned, nil, append(keys[:2:2], keys[1])},
		{"half an algorithm", "no key of its algorithm", dnssec.Signer{}, unsigned, nil, append(keys[:2:2], dnssec.ZSK(p256))},
		{"the other half", "no key of its algorithm", dnssec.Signer{}, unsigned, nil, append(keys[:2:2], dnssec.KSK(p256))},
		{"short", "must live longer", dnssec.Signer{Validity: dnssec.Validity{Lifetime: 5 * day}}, unsigned, nil, keys},
		{"long", "34 years", dnssec.Signer{Validity: dnssec.Validity{Lifetime: 40 * 365 * day}}, unsigned, nil, keys},
		{"negative", "must live longer", dnssec.Signer{Validity: dnssec.Validity{Refresh: -1}}, unsigned, nil, keys},
		{"denial", "denial is not known", dnssec.Signer{Denial: 3}, unsigned, nil, keys},
		{"serial", "policy 4 is not known", dnssec.Signer{Serial: 4}, unsigned, nil, keys},
	} {
		z, report, err := c.signer.Sign(t.Context(), c.zone, c.prev, c.keys, now())
		require.ErrorContains(t, err, c.want, c.name)
		require.Nil(t, z)
		require.Zero(t, report)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = (&dnssec.Signer{}).Sign(ctx, unsigned, nil, keys, now())
	require.ErrorIs(t, err, context.Canceled)
}

// module is a signer whose answers are not to be relied on.
type module struct {
	public crypto.PublicKey
	sig    []byte
	err    error
}

func (m module) Public() crypto.PublicKey { return m.public }
func (m module) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return m.sig, m.err
}

func TestModulesThatFail(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	gone := errors.New("the module is gone")
	for _, m := range []module{
		{err: gone}, {}, {sig: []byte{0x30, 0}}, {sig: []byte{0x30, 3, 2, 1, 1}}, {sig: []byte{0x30, 6, 2, 1, 0, 2, 1, 1}},
		{sig: []byte{0x30, 6, 2, 9, 1, 2, 1, 1}}, {sig: append([]byte{0x30, 6, 2, 1, 1, 2, 1, 1}, 0)}, {sig: append([]byte{0x30, 7, 2, 1, 1, 2, 1, 1}, 0)},
		{sig: append(append([]byte{0x30, 38, 2, 33}, make([]byte, 33, 40)...), 2, 1, 1)},
	} {
		m.public = private.Public()
		k, err := dnssec.NewKey("hosting.test", dnssec.ECDSAP256SHA256, true, m)
		require.NoError(t, err)
		_, _, err = (&dnssec.Signer{}).Sign(t.Context(), parse(t, shapes), nil, []dnssec.KeyUse{dnssec.CSK(k)}, now())
		require.ErrorContains(t, err, "sign by Khosting.test.+013+")
		if m.err != nil {
			require.ErrorIs(t, err, gone)
		}
	}
	// One that works, through the interface only.
	k, err := dnssec.NewKey("hosting.test", dnssec.ECDSAP256SHA256, true, struct{ crypto.Signer }{private})
	require.NoError(t, err)
	keys := []dnssec.KeyUse{dnssec.CSK(k)}
	z, _ := sign(t, &dnssec.Signer{Workers: 3}, parse(t, typed()), nil, keys, now())
	requireSigned(t, z, keys, now())
}
