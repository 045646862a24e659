package dnssec_test

import (
	"testing"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

func verify(t testing.TB, z *dnssec.Zone) error {
	t.Helper()
	return dnssec.Verify(t.Context(), z, dnssec.VerifyOptions{})
}

func TestVerifyEveryShape(t *testing.T) {
	for what, denial := range denials {
		for _, alg := range algorithms {
			z, _ := sign(t, &dnssec.Signer{Denial: denial}, parse(t, shapes), nil, pair(t, alg), now())
			require.NoError(t, verify(t, z), "%s %v", what, alg)
		}
	}
}
