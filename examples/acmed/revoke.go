package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/examples/internal/control"
)

// reasons are those that an authority takes from a customer.
var reasons = map[string]int{
	"unspecified": acme.Unspecified, "keyCompromise": acme.KeyCompromise, "affiliationChanged": acme.AffiliationChanged,
	"superseded": acme.Superseded, "cessationOfOperation": acme.CessationOfOperation,
}

// revokeCommand revokes what is stored, and then has the daemon replace it.
func revokeCommand(ctx context.Context, a *app, args []string) error {
	reason, account := "unspecified", ""
	known := strings.Join(slices.Sorted(maps.Keys(reasons)), ", ")
	words, err := a.Flags(flagsLast(args), "[-reason REASON] [-account ACCOUNT] CERTIFICATE", 1, 1, func(fs *flag.FlagSet) {
		fs.StringVar(&reason, "reason", reason, "why: "+known)
		fs.StringVar(&account, "account", "", "whose it is, if it is not configured")
	})
	if err != nil {
		return err
	}
	code, ok := reasons[reason]
	if !ok {
		return fmt.Errorf("reason: %q is not one of %s", reason, known)
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	name := words[0]
	cert, configured := cfg.certificate(name)
	if configured {
		account = cert.Account
	}
	if account, err = cfg.account(account); err != nil {
		return fmt.Errorf("account: %w", err)
	}
	if err := a.revoke(ctx, cfg, name, account, code); err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "%s is revoked\n", name)
	if !configured || code == acme.CessationOfOperation {
		return nil
	}
	err = a.call(ctx, http.MethodPost, "/certificates/"+url.PathEscape(name)+"/renew", url.Values{"wait": {"false"}}, nil)
	if errors.Is(err, control.ErrNoDaemon) {
		fmt.Fprintf(a.Stdout, "no daemon runs to replace it: acmed issue -as %s %s\n", name, strings.Join(cert.Names, " "))
		return nil
	}
	return err
}

func (a *app) revoke(ctx context.Context, cfg *config, name, account string, reason int) error {
	s, err := cfg.Store.open()
	if err != nil {
		return err
	}
	defer func() { _ = s.close() }()
	have, _, err := leaf(ctx, s, name)
	if err != nil {
		return err
	}
	of, err := openAccount(account, cfg.Accounts[account], a.Log())
	if err != nil {
		return err
	}
	return of.revoke(ctx, have, reason)
}
