package renew_test

import (
	"fmt"
	"time"

	"github.com/mythic-beasts/hostkit/acme/renew"
)

// When a certificate of 90 days is renewed if the authority does not say.
func ExamplePolicy_Next() {
	begin := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	s := renew.State{
		CertID: "a certificate", NotBefore: begin, NotAfter: begin.AddDate(0, 0, 90),
		AskAt: begin.AddDate(0, 0, 11),
	}
	plan := renew.Policy{Jitter: -1}.Next(s, begin.AddDate(0, 0, 10))
	fmt.Println(plan.Renew, plan.RenewAt.Format(time.DateOnly), plan.Next.Format(time.DateOnly))
	// Output: false 2027-03-02 2027-01-12
}
