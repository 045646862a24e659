// Package crew has the people of the demo: two customers and an operator, with one
// password that is new each time.
package crew

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
)

// Person is somebody who may log in.
type Person struct {
	Name string
	Role account.Role
}

// People are those that there are. The customers own what the demo's house has.
func People() []Person {
	return []Person{{"alice", account.Customer}, {"bob", account.Customer}, {"noc", account.Operator}}
}

// Hire makes accounts for all of them, and returns their password.
func Hire(ctx context.Context, accounts *account.Store) (password string, err error) {
	random := strings.ToLower(rand.Text())
	password = random[:5] + "-" + random[5:10] + "-" + random[10:15]
	for _, p := range People() {
		if err := accounts.Add(ctx, account.System(), p.Name, p.Role, daemon.NewSecret(password)); err != nil {
			return "", fmt.Errorf("crew: make the account of %s: %w", p.Name, err)
		}
	}
	return password, nil
}
