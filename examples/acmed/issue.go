package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/renew"
	"github.com/mythic-beasts/hostkit/examples/internal/control"
)

// issueCommand obtains a certificate now, whether a daemon runs or not.
func issueCommand(ctx context.Context, a *app, args []string) error {
	var as, account, keyType, profile, chain string
	names, err := a.Flags(args, "[flags] NAME...", 1, -1, func(fs *flag.FlagSet) {
		fs.StringVar(&as, "as", "", "its `NAME` in the store; the first name if it is not given")
		fs.StringVar(&account, "account", "", "one of the configured `ACCOUNT`s")
		fs.StringVar(&keyType, "key-type", "", "ec256, ec384, rsa2048, rsa3072 or rsa4096")
		fs.StringVar(&profile, "profile", "", "of the authority's")
		fs.StringVar(&chain, "chain", "", "the issuer that the last certificate of the chain should have")
	})
	if err != nil {
		return err
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	cert := certificateConfig{Name: as, Names: names, KeyType: keyType, Account: account, Profile: profile, Chain: chain}
	configured, err := cfg.complete(&cert)
	if err != nil {
		return err
	}
	k, err := newKeeper(cfg, a.Log())
	if err != nil {
		return err
	}
	defer func() { _ = k.close() }()
	if err := k.issue(ctx, a, cfg, &cert); err != nil {
		return fmt.Errorf("%s: %w", cert.Name, err)
	}
	if err := a.afterIssue(ctx, k, &cert, configured); err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "%s is in %s\n", cert.Name, k.store.folder(cert.Name))
	if !configured {
		fmt.Fprintln(a.Stdout, "it is not configured, so nobody renews it")
	}
	return nil
}

// complete fills in what a certificate on the command line has not, from the
// configuration if it is there.
func (c *config) complete(cert *certificateConfig) (configured bool, err error) {
	if cert.Names, err = acme.CanonicalNames(cert.Names); err != nil {
		return false, err
	}
	cert.Name = cmp.Or(cert.Name, defaultName(cert.Names))
	if err := checkCertificateName(cert.Name); err != nil {
		return false, err
	}
	known, configured := c.certificate(cert.Name)
	if configured {
		names, err := acme.CanonicalNames(known.Names)
		if err != nil {
			return false, err
		}
		if !sameNames(names, cert.Names) {
			return false, fmt.Errorf("certificate %s is configured for %q: give all of these names, or -as another", cert.Name, names)
		}
		cert.KeyType, cert.Account = cmp.Or(cert.KeyType, known.KeyType), cmp.Or(cert.Account, known.Account)
		cert.Profile, cert.Chain = cmp.Or(cert.Profile, known.Profile), cmp.Or(cert.Chain, known.Chain)
	}
	cert.KeyType = cmp.Or(cert.KeyType, defaultKeyType)
	if err := checkKeyType(cert.KeyType); err != nil {
		return false, fmt.Errorf("key-type: %w", err)
	}
	if cert.Account, err = c.account(cert.Account); err != nil {
		return false, fmt.Errorf("account: %w", err)
	}
	return configured, nil
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// issue obtains a certificate and stores it, as the daemon does.
func (k *keeper) issue(ctx context.Context, a *app, cfg *config, cert *certificateConfig) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	shown := newProgress(a.Stdout, cert.Names)
	outcome := make(chan renew.Event, 1)
	m := k.manager(cert.Account)
	m.Log = nil
	m.Solver = &watched{solver: k.solver, progress: shown}
	// Who asks for one certificate need not wait for the budget of many.
	m.Policy.AccountBudget = renew.Budget{N: 1 << 20, Per: 3 * time.Hour}
	m.OnEvent = func(ev renew.Event) {
		switch ev.Kind {
		case renew.Issued, renew.Renewed, renew.Failed, renew.StoreFailed:
			select {
			case outcome <- ev:
			default:
			}
			stop()
		default:
		}
	}
	if err := errors.Join(m.Add(cert.Name, cfg.request(cert)), m.Renew(cert.Name)); err != nil {
		return err
	}
	err := m.Run(ctx)
	select {
	case ev := <-outcome:
		shown.end(ev.Err)
		return ev.Err
	default:
		shown.end(err)
		return err
	}
}

// afterIssue has a certificate deployed: by the daemon, or here if none runs.
func (a *app) afterIssue(ctx context.Context, k *keeper, cert *certificateConfig, configured bool) error {
	if !configured {
		if k.store.shared {
			return k.store.copyOut(ctx, cert.Name)
		}
		return nil
	}
	err := a.call(ctx, http.MethodPost, "/certificates/"+url.PathEscape(cert.Name)+"/look", nil, nil)
	if errors.Is(err, control.ErrNoDaemon) {
		_, err = k.deploys.advance(ctx, cert.Name, true)
	}
	return err
}
