package zonegen

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
)

// Profile is a kind of zone.
type Profile string

// The kinds of zones.
const (
	Hosting Profile = "hosting"
	TLD     Profile = "tld"
)

// Options say which zone. The zero value is a hosting zone of 1000 names.
type Options struct {
	// Profile zero means [Hosting].
	Profile Profile
	// Origin is the apex with the dot at its end; empty means the profile and
	// ".test.", as "hosting.test.".
	Origin string
	// Names is how many there are, less those of servers and the apex; zero means
	// 1000.
	Names int
	// Seed makes another zone of the same kind.
	Seed uint64
}

// secure is the part of delegations that have a DS record.
const secure = 0.1

func (o *Options) setDefaults() {
	if o.Profile == "" {
		o.Profile = Hosting
	}
	if o.Origin == "" {
		o.Origin = string(o.Profile) + ".test."
	}
	if o.Names == 0 {
		o.Names = 1000
	}
}

// Write writes the zone file, a record on each line.
func Write(w io.Writer, o Options) error {
	o.setDefaults()
	g := &generator{
		out: bufio.NewWriterSize(w, 1<<16), rng: rand.New(rand.NewPCG(o.Seed, 1)), //nolint:gosec // it is to repeat
		origin: o.Origin,
	}
	var one func(name string)
	switch o.Profile {
	case Hosting:
		one = g.hosted
	case TLD:
		one = g.registered
		g.hosters = make([]string, 500)
		for i := range g.hosters {
			g.hosters[i] = g.word() + ".example."
		}
	default:
		return fmt.Errorf("zonegen: profile %q is neither %q nor %q", o.Profile, Hosting, TLD)
	}
	g.apex()
	for i := range o.Names {
		one(fmt.Sprintf("%s%x", g.word(), i)) // the number makes it unique
	}
	if err := g.out.Flush(); err != nil {
		return fmt.Errorf("zonegen: write %q: %w", o.Origin, err)
	}
	return nil
}

// generator has what one zone is made with. Errors of out stay until it is flushed.
type generator struct {
	out     *bufio.Writer
	rng     *rand.Rand
	origin  string
	hosters []string
}

func (g *generator) record(name string, ttl int, format string, args ...any) {
	_, _ = fmt.Fprintf(g.out, "%s\t%d\tIN\t", name, ttl)
	_, _ = fmt.Fprintf(g.out, format, args...)
	_ = g.out.WriteByte('\n')
}

func (g *generator) apex() {
	_, _ = fmt.Fprintf(g.out, "$ORIGIN %s\n", g.origin)
	g.record("@", 3600, "SOA\tns1 hostmaster 2026010100 7200 3600 432000 300")
	for _, data := range []string{"NS\tns1", "NS\tns2", "MX\t10 mail", "TXT\t\"v=spf1 mx -all\""} {
		g.record("@", 3600, "%s", data)
	}
	for _, name := range []string{"@", "ns1", "ns2", "mail"} {
		g.a(name, 3600)
		g.aaaa(name, 3600)
	}
}

// hosted is a name of a web host.
func (g *generator) hosted(name string) {
	switch p := g.rng.IntN(100); {
	case p < 60:
		g.a(name, 3600)
		g.aaaa(name, 3600)
	case p < 75:
		g.record(name, 3600, "CNAME\tmail")
	case p < 85:
		g.a(name, 3600)
		g.aaaa(name, 3600)
		g.record(name, 3600, "MX\t10 mail")
		g.record(name, 3600, "TXT\t\"v=spf1 mx -all\" \"id=%x\"", g.rng.Uint32())
	case p < 90:
		g.aaaa(name, 3600)
	case p < 93:
		g.record("_sip._tcp."+name, 3600, "SRV\t1 2 5060 mail")
	case p < 95:
		g.record("_acme-challenge."+name, 60, "TXT\t\"%x%x\"", g.rng.Uint64(), g.rng.Uint64())
	case p < 97:
		g.a("*."+name, 3600)
	default:
		if g.rng.IntN(3) == 0 {
			g.record(name, 3600, "NS\tns1.%s", name)
			g.a("ns1."+name, 3600)
		} else {
			g.record(name, 3600, "NS\tns1.other.example.")
			g.record(name, 3600, "NS\tns2.other.example.")
		}
		g.ds(name)
	}
}

// registered is a delegation from a registry. Few hosters have most of them.
func (g *generator) registered(name string) {
	if g.rng.Float64() < 0.08 {
		for _, host := range []string{"ns1." + name, "ns2." + name} {
			g.record(name, 86400, "NS\t%s", host)
			g.a(host, 86400)
		}
		g.aaaa("ns1."+name, 86400)
	} else {
		hoster := g.hosters[int(float64(len(g.hosters))*g.rng.Float64()*g.rng.Float64())]
		for i := range 2 + g.rng.IntN(2) {
			g.record(name, 86400, "NS\tns%d.%s", i+1, hoster)
		}
	}
	g.ds(name)
}

func (g *generator) a(name string, ttl int) {
	x := g.rng.Uint32()
	g.record(name, ttl, "A\t198.%d.%d.%d", 18+x&1, x>>8&255, x>>16&255)
}

func (g *generator) aaaa(name string, ttl int) {
	x := g.rng.Uint32()
	g.record(name, ttl, "AAAA\t2001:db8:%x:%x::%x", x>>24, x>>8&0xffff, x&0xff+1)
}

// ds makes a delegation secure, or not.
func (g *generator) ds(name string) {
	if g.rng.Float64() >= secure {
		return
	}
	var digest strings.Builder
	for range 4 {
		fmt.Fprintf(&digest, "%016X", g.rng.Uint64())
	}
	g.record(name, 3600, "DS\t%d 13 2 %s", g.rng.IntN(1<<16), digest.String())
}

func (g *generator) word() string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, 5+g.rng.IntN(9))
	for i := range b {
		b[i] = letters[g.rng.IntN(len(letters))]
	}
	return string(b)
}
