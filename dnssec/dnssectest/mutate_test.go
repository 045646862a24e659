package dnssectest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/dnssectest"
)

var denials = map[string]dnssec.Denial{"NSEC": dnssec.NSEC, "NSEC3": dnssec.NSEC3, "opt-out": dnssec.NSEC3OptOut}

func fixture(t *testing.T, denial dnssec.Denial, alg dnssec.Algorithm) dnssectest.Fixture {
	t.Helper()
	f, err := dnssectest.NewFixture(denial, alg, time.Now().UTC().Truncate(time.Second))
	require.NoError(t, err)
	dnssectest.RequireValid(t, f.Zone)
	return f
}

// rules are those of the findings, each once.
func rules(err error) []dnssec.Rule {
	var all []dnssec.Rule
	seen := map[dnssec.Rule]bool{}
	for _, f := range dnssec.Findings(err) {
		if !seen[f.Rule] {
			seen[f.Rule] = true
			all = append(all, f.Rule)
		}
	}
	return all
}

func TestEveryMutationIsRejected(t *testing.T) {
	for what, denial := range denials {
		f := fixture(t, denial, 0)
		for _, m := range dnssectest.Mutations() {
			t.Run(what+" "+m.Name, func(t *testing.T) {
				z, err := m.Apply(f)
				if errors.Is(err, dnssectest.ErrNotApplicable) {
					require.True(t, strings.HasPrefix(m.Name, "nsec"), "all zones have what it breaks")
					return
				}
				require.NoError(t, err)
				err = dnssec.Verify(t.Context(), z, dnssec.VerifyOptions{At: f.At})
				require.Contains(t, rules(err), m.Rule)
			})
		}
	}
}
