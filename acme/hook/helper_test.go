package hook_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/hook"
)

const apex = "_acme-challenge.example.com."

// text is a dns-01 value made of a seed.
func text(seed string) string {
	sum := sha256.Sum256([]byte(seed))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// dashed is one that begins with a hyphen, as one in 64 does.
func dashed() string { return "-" + text("dashed")[1:] }

// process is a hook as a process of its own has it: with nothing in memory.
func process(d *acmetest.DNS) *hook.Hook {
	dns := &dns01.DNS{Resolvers: []netip.AddrPort{d.Addr()}, Dial: d.Dial, Timeout: 10 * time.Second}
	return &hook.Hook{Solver: &dns01.Solver{
		Provider: d, DNS: dns,
		FirstPoll: 5 * time.Millisecond, MaxPoll: 20 * time.Millisecond, Timeout: time.Minute,
	}}
}

// environment is one as os.Getenv has it.
func environment(pairs ...string) func(string) string {
	all := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return all[name] }
}

// requireUntouched fails if the DNS was written to.
func requireUntouched(t *testing.T, d *acmetest.DNS) {
	t.Helper()
	require.Empty(t, d.Writes())
}
