package realtest_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/dnssec/timeline"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

// The world that both key managers live in.
const (
	dnskeyTTL   = time.Hour
	zoneTTL     = 24 * time.Hour
	propagation = 5 * time.Minute
	submission  = 48 * time.Hour // after that time the parent has what it should
	zskLifetime = 30 * 24 * time.Hour
	kskLifetime = 70 * 24 * time.Hour
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// life is what happened to a key: when its DNSKEY was there, and its signatures.
type life struct {
	role                 rotate.Role
	alg                  uint8
	published, withdrawn time.Time // zero if it is so to the end
	signs, rests         time.Time
}

// knot runs Knot's key manager in virtual time: from event to event, whenever it
// says that it wants to be called again.
type knot struct {
	t       *testing.T
	dir     string
	program string
	lives   map[uint16]*life
}

func newKnot(t *testing.T) *knot {
	k := &knot{t: t, dir: t.TempDir(), program: peer.Look(t, "kzonesign"), lives: map[uint16]*life{}}
	require.NoError(t, os.Mkdir(filepath.Join(k.dir, "kasp"), 0o700))
	zone := "example. 3600 IN SOA ns. h. 1 3600 600 86400 300\nexample. 86400 IN NS ns.example.\nns.example. 86400 IN A 192.0.2.1\n"
	require.NoError(t, os.WriteFile(filepath.Join(k.dir, "zone"), []byte(zone), 0o600))
	return k
}

// policy sets lines of the policy besides those of the world.
func (k *knot) policy(lines ...string) {
	text := fmt.Sprintf(`server:
    rundir: %[1]s
database:
    storage: %[1]s/kasp
submission:
  - id: s
    timeout: %[2]d
policy:
  - id: p
    ksk-submission: s
    delete-delay: 0
    dnskey-ttl: %[3]d
    zone-max-ttl: %[4]d
    propagation-delay: %[5]d
    rrsig-lifetime: 14d
    rrsig-refresh: 7d
    rrsig-pre-refresh: 1h
    %[6]s
zone:
  - domain: example.
    storage: %[1]s
    file: zone
    dnssec-signing: on
    dnssec-policy: p
    zonefile-load: difference
    journal-content: all
`, k.dir, int(submission.Seconds()), int(dnskeyTTL.Seconds()), int(zoneTTL.Seconds()), int(propagation.Seconds()), strings.Join(lines, "\n    "))
	require.NoError(k.t, os.WriteFile(filepath.Join(k.dir, "knot.conf"), []byte(text), 0o600))
}

var nextEvent = regexp.MustCompile(`Next (signing|roll-over): (\d+)`)

// run goes on until a time, and returns when it was to be called next.
func (k *knot) run(now, until time.Time) time.Time {
	k.t.Helper()
	for now.Before(until) {
		cmd := exec.CommandContext(k.t.Context(), k.program, "-r", "-t", strconv.FormatInt(now.Unix(), 10), "-c", filepath.Join(k.dir, "knot.conf"), "example.")
		out, err := cmd.CombinedOutput()
		require.NoError(k.t, err, "%s", out)
		k.observe(now)
		var next time.Time
		for _, m := range nextEvent.FindAllSubmatch(out, -1) {
			seconds, err := strconv.ParseInt(string(m[2]), 10, 64)
			require.NoError(k.t, err)
			if at := time.Unix(seconds, 0).UTC(); at.After(now) && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
		require.False(k.t, next.IsZero(), "%s", out)
		now = next
	}
	return now
}

// observe notes what the signed zone has.
func (k *knot) observe(now time.Time) {
	f, err := os.Open(filepath.Join(k.dir, "zone"))
	require.NoError(k.t, err)
	defer f.Close()
	published, signing := map[uint16]bool{}, map[uint16]bool{}
	parser := dns.NewZoneParser(f, "", "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		switch rr := rr.(type) {
		case *dns.DNSKEY:
			tag := rr.KeyTag()
			published[tag] = true
			if k.lives[tag] == nil {
				role := rotate.ZSK
				if rr.Flags&dns.SEP != 0 {
					role = rotate.KSK
				}
				k.lives[tag] = &life{role: role, alg: rr.Algorithm, published: now}
			}
		case *dns.RRSIG:
			if rr.TypeCovered == dns.TypeDNSKEY || rr.TypeCovered == dns.TypeA {
				signing[rr.KeyTag] = true
			}
		}
	}
	require.NoError(k.t, parser.Err())
	for tag, l := range k.lives {
		if !published[tag] && l.withdrawn.IsZero() {
			l.withdrawn = now
		}
		if signing[tag] && l.signs.IsZero() {
			l.signs = now
		}
		if !signing[tag] && !l.signs.IsZero() && l.rests.IsZero() {
			l.rests = now
		}
	}
}

func (k *knot) all() []life {
	var out []life
	for _, l := range k.lives {
		out = append(out, *l)
	}
	return sorted(out)
}

func sorted(lives []life) []life {
	slices.SortFunc(lives, func(a, b life) int {
		if c := a.published.Compare(b.published); c != 0 {
			return c
		}
		return int(a.role) - int(b.role)
	})
	return lives
}

// ours is the same by package rotate, as a plan from the beginning on.
func ours(t *testing.T, p rotate.Policy, length time.Duration) []life {
	t.Helper()
	changes, err := timeline.Plan(rotate.State{}, p, epoch, timeline.Assume{For: length, ParentDelay: submission})
	require.NoError(t, err)
	lives := map[string]*life{}
	for _, c := range changes {
		l := lives[c.Key]
		if l == nil {
			l = &life{role: c.Role, alg: c.Algorithm}
			lives[c.Key] = l
		}
		switch {
		case c.Record == rotate.DNSKEY.String() && c.State == rotate.Rumoured:
			l.published = c.At
		case c.Record == rotate.DNSKEY.String() && c.State == rotate.Unretentive:
			l.withdrawn = c.At
		case strings.HasSuffix(c.Record, "RRSIG") && c.State == rotate.Rumoured:
			l.signs = c.At
		case strings.HasSuffix(c.Record, "RRSIG") && c.State == rotate.Unretentive:
			l.rests = c.At
		}
	}
	var out []life
	for _, l := range lives {
		out = append(out, *l)
	}
	return sorted(out)
}

func worldPolicy() rotate.Policy {
	return rotate.Policy{
		DNSKEYTTL: dnskeyTTL, MaxZoneTTL: zoneTTL, NegativeTTL: 5 * time.Minute, DSTTL: time.Hour,
		ZonePropagation: propagation, ParentPropagation: -1, PublishSafety: -1, RetireSafety: -1, SignInterval: time.Minute,
	}
}

// of are the lives of a role.
func of(lives []life, role rotate.Role) []life {
	return slices.DeleteFunc(slices.Clone(lives), func(l life) bool { return l.role != role })
}

// Rolls take as long as with Knot's key manager, but for three things: it does not
// wait for the old DS to leave caches when the parent is not asked; it counts
// lifetimes from when a key signs; and with a CSK it lets signatures of the zone
// change hands after the parent has acted, not while it is waited for.
func TestRealRollsTakeAsLongAsKnots(t *testing.T) {
	const length = 160 * 24 * time.Hour
	for _, tt := range []struct {
		name  string
		lines []string
		role  rotate.Role // of keys with a DS
		later time.Duration
		own   func(*rotate.Policy)
	}{
		{
			"KSK and ZSK", []string{"zsk-lifetime: 30d", "ksk-lifetime: 70d"}, rotate.KSK, 0,
			func(p *rotate.Policy) { p.ZSKLifetime, p.KSKLifetime = zskLifetime, kskLifetime },
		},
		{
			"CSK", []string{"single-type-signing: on", "ksk-lifetime: 70d"}, rotate.CSK, zoneTTL + propagation,
			func(p *rotate.Policy) { p.Scheme, p.KSKLifetime = rotate.SingleKey, kskLifetime },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKnot(t)
			k.policy(tt.lines...)
			k.run(epoch, epoch.Add(length))
			p := worldPolicy()
			tt.own(&p)
			mine := ours(t, p, length)

			theirs, own := of(k.all(), rotate.ZSK), of(mine, rotate.ZSK)
			require.Len(t, own, len(theirs))
			for i := range theirs {
				requireSame(t, "from DNSKEY to signatures", theirs[i].published, theirs[i].signs, own[i].published, own[i].signs)
				requireSame(t, "from the last signature to no DNSKEY", theirs[i].rests, theirs[i].withdrawn, own[i].rests, own[i].withdrawn)
				if i > 0 {
					requireSame(t, "signatures change hands", theirs[i].signs, theirs[i-1].rests, own[i].signs, own[i-1].rests)
				}
			}
			theirs, own = of(k.all(), rotate.KSK), of(mine, tt.role) // in its zone a CSK looks like a KSK
			require.GreaterOrEqual(t, len(theirs), 3)
			require.Len(t, own, len(theirs))
			for i := 1; i < len(theirs); i++ {
				requireSame(t, "old and new overlap", theirs[i].published, theirs[i-1].withdrawn.Add(worldPolicy().DSTTL-tt.later), own[i].published, own[i-1].withdrawn)
			}
		})
	}
}

// requireSame wants times to be as far apart as those of Knot.
func requireSame(t *testing.T, what string, from, to, ownFrom, ownTo time.Time) {
	t.Helper()
	if to.IsZero() || ownTo.IsZero() {
		return // not within the time that both ran
	}
	require.Equal(t, to.Sub(from), ownTo.Sub(ownFrom), what)
}
