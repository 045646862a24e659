package timeline_test

import (
	"fmt"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/dnssec/timeline"
)

// What comes when DNSSEC is enabled for a zone, if the registry takes a day.
func ExamplePlan() {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	policy := rotate.Policy{Scheme: rotate.SingleKey}
	changes, err := timeline.Plan(rotate.State{}, policy, now, timeline.Assume{ParentDelay: 24 * time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range changes {
		fmt.Println(c)
	}
	// Output:
	// 2026-03-01 00:00 UTC: DNSKEY of a new CSK: published, not known everywhere yet
	// 2026-03-01 00:00 UTC: KRRSIG of a new CSK: published, not known everywhere yet
	// 2026-03-01 00:00 UTC: ZRRSIG of a new CSK: published, not known everywhere yet
	// 2026-03-01 02:05 UTC: DNSKEY of a new CSK: known everywhere
	// 2026-03-01 02:05 UTC: KRRSIG of a new CSK: known everywhere
	// 2026-03-02 01:05 UTC: DS of a new CSK: published, not known everywhere yet
	// 2026-03-02 01:05 UTC: ZRRSIG of a new CSK: known everywhere
	// 2026-03-04 03:05 UTC: DS of a new CSK: known everywhere
}
