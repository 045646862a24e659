package dnssectest

import (
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
)

// RequireValid ends the test with all faults of a signed zone, if it has any at the
// present time. It is for zones whose keys are all in them.
func RequireValid(t testing.TB, z *dnssec.Zone) {
	t.Helper()
	RequireValidAt(t, z, dnssec.VerifyOptions{At: time.Now()})
}

// RequireValidAt does so by other options, such as the time of a test's own clock.
func RequireValidAt(t testing.TB, z *dnssec.Zone, o dnssec.VerifyOptions) {
	t.Helper()
	if err := dnssec.Verify(t.Context(), z, o); err != nil {
		t.Fatal(err)
	}
}
