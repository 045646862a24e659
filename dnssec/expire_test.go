package dnssec_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

// A secondary that loses the primary serves the zone for the SOA's EXPIRE. If that is
// more than its signatures live, it serves what no validator accepts.
func TestExpireBeyondTheSignatures(t *testing.T) {
	const day = 24 * time.Hour
	keys := pair(t, dnssec.ECDSAP256SHA256)
	at := now()
	for _, c := range []struct {
		expire time.Duration
		after  time.Duration // of the signing
		left   time.Duration // of the first signature; negative is no error
	}{
		{5 * day, 0, -1},
		{5*day + time.Second, 0, -1},
		{14 * day, 0, -1},
		{14*day + time.Second, 0, 14 * day},
		{14 * day, time.Second, 14*day - time.Second},
		{5 * day, 9 * day, -1},
		{5*day + time.Second, 9 * day, 5 * day},
		{time.Second, 20 * day, 0},
		{0, 20 * day, -1},
	} {
		text := fmt.Sprintf("@ 60 SOA a b 1 2 3 %d 5\n@ 60 NS ns.other.test.\n", int(c.expire.Seconds()))
		s := &dnssec.Signer{Validity: dnssec.Validity{Jitter: -1}}
		z, _ := sign(t, s, parse(t, text), nil, keys, at)
		err := z.CheckExpire(at.Add(c.after))
		if c.left < 0 {
			require.NoError(t, err, c)
			continue
		}
		var e *dnssec.ExpireError
		require.ErrorAs(t, err, &e, c)
		require.Equal(t, dnssec.ExpireError{Zone: name(t, "hosting.test"), Expire: c.expire, Left: c.left}, *e)
		require.ErrorContains(t, err, "lower EXPIRE")
	}
}

func TestExpireBeyondRefresh(t *testing.T) {
	z := parse(t, "@ 60 SOA a b 1 2 3 432000 5\n@ 60 NS ns.other.test.\n") // 5 days, unsigned
	require.NoError(t, z.CheckExpire(now()))
	require.NoError(t, dnssec.Validity{}.CheckExpire(z))
	require.NoError(t, dnssec.Validity{Refresh: 120 * time.Hour}.CheckExpire(z))
	var e *dnssec.ExpireError
	require.ErrorAs(t, dnssec.Validity{Refresh: 119 * time.Hour}.CheckExpire(z), &e)
	require.Equal(t, 119*time.Hour, e.Left)
}

// The first signature to expire is what counts, not the average.
func TestExpireAndJitter(t *testing.T) {
	z, report := sign(t, &dnssec.Signer{}, parse(t, hosts(100)), nil, pair(t, dnssec.ECDSAP256SHA256), now())
	// shapes' EXPIRE is seven days; the first signature is replaced five days before
	// it expires.
	var e *dnssec.ExpireError
	require.ErrorAs(t, z.CheckExpire(report.NextRefresh), &e)
	require.Equal(t, 5*24*time.Hour, e.Left)
	require.NoError(t, z.CheckExpire(report.NextRefresh.Add(-2*24*time.Hour)))
	require.Error(t, z.CheckExpire(report.NextRefresh.Add(-2*24*time.Hour+time.Second)))
}
