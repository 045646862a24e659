package rotate_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// A zone is signed for the first time. The caller does what it is told, and reports what
// it sees; here that takes a few lines, and all happens at once.
func ExampleStep() {
	var (
		state  rotate.State
		facts  rotate.Facts
		policy = rotate.Policy{Scheme: rotate.SingleKey}
		now    = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	)
	for range 3 {
		next, actions, status, err := rotate.Step(state, policy, facts, now)
		if err != nil {
			fmt.Println(err)
			return
		}
		state = next // stored before anything is done
		fmt.Printf("%s %s\n", now.Format("2 Jan 15:04"), status.Phase)
		for _, action := range actions {
			switch a := action.(type) {
			case rotate.GenerateKey:
				digest := rotate.DS{Tag: 12345, Algorithm: a.Algorithm, DigestType: 2, Digest: strings.Repeat("ab", 32)}
				facts.NewKeys = []rotate.NewKey{{Request: a.Request, ID: "Kexample.+013+12345", Tag: 12345, Digests: []rotate.DS{digest}}}
			case rotate.SetDNSKEY:
				facts.Zone = &rotate.ZoneFacts{Keys: map[string]rotate.KeyFacts{
					a.Keys[0]: {DNSKEY: rotate.Everywhere, KRRSIG: rotate.Everywhere, ZRRSIG: rotate.Everywhere},
				}}
			case rotate.SetDS:
				fmt.Println("the registry is to add", a.Add[0].Tag, a.Add[0].Algorithm, a.Add[0].DigestType)
			}
		}
		if !status.NextAt.IsZero() {
			now = status.NextAt
		} else {
			now = now.Add(time.Minute)
		}
	}
	now = now.Add(24 * time.Hour)
	_, _, status, _ := rotate.Step(state, policy, facts, now)
	fmt.Println(now.Format("2 Jan 15:04"), status.Phase)
	fmt.Println(strings.Join(strings.Fields(status.Blockers[len(status.Blockers)-1].String())[:8], " "))
	// Output:
}
