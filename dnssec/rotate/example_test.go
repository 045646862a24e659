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
	for waiting := true; waiting; {
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
				fmt.Printf("the registry is to add DS %d %d %d\n", a.Add[0].Tag, a.Add[0].Algorithm, a.Add[0].DigestType)
				waiting = false
			}
		}
		now = now.Add(time.Minute)
		if !status.NextAt.IsZero() {
			now = status.NextAt
		}
	}
	// Output:
	// 1 Jan 00:00 generating keys
	// 1 Jan 00:01 signing for the first time
	// 1 Jan 00:02 signing for the first time
	// 1 Jan 02:07 signing for the first time
	// 2 Jan 01:07 signing for the first time
	// the registry is to add DS 12345 13 2
}
