package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/renew"
)

// account is one at an authority, with its key in a file. Beside that there may be
// KEY.next, the key that a change is on its way to, and KEY.account, where the account
// is.
type account struct {
	name   string
	config accountConfig
	log    *slog.Logger

	work *semaphore.Weighted // an order has one, a change of the key all
	gate *semaphore.Weighted // of what is below, which is waited for while the authority is asked

	client  *acme.Client
	settled bool // it is known which key counts, and where the account is
}

var _ renew.Issuer = (*account)(nil)

const manyOrders = 1 << 20

// place is what KEY.account has.
type place struct {
	Directory string `json:"directory"`
	URL       string `json:"url"`
}

// openAccount reads the key, or makes one.
func openAccount(name string, config accountConfig, log *slog.Logger) (*account, error) {
	key, err := ensureKey(config.Key, keyTypes[config.KeyType])
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", name, err)
	}
	a := &account{
		name: name, config: config, log: log,
		work: semaphore.NewWeighted(manyOrders), gate: semaphore.NewWeighted(1),
	}
	if a.client, err = a.newClient(key); err != nil {
		return nil, fmt.Errorf("account %s: %w", name, err)
	}
	return a, nil
}

func (a *account) newClient(key crypto.Signer) (*acme.Client, error) {
	http, err := httpClient(a.config.CA)
	if err != nil {
		return nil, err
	}
	eab, err := a.config.EAB.eab()
	if err != nil {
		return nil, err
	}
	return &acme.Client{
		Directory: a.config.Directory, Key: key, AccountURL: a.url(), AcceptTerms: a.config.AcceptTerms,
		Contacts: a.config.Contacts, EAB: eab, HTTP: http, UserAgent: program, SameHost: a.config.SameHost, Log: a.log,
		Poll: acme.PollPolicy{First: time.Duration(a.config.FirstPoll), Max: time.Duration(a.config.MaxPoll)},
	}, nil
}

func (a *account) nextKeyFile() string { return a.config.Key + ".next" }
func (a *account) placeFile() string   { return a.config.Key + ".account" }

// url is where the account is, "" if that is not known.
func (a *account) url() string {
	text, err := os.ReadFile(a.placeFile())
	var p place
	if err != nil || json.Unmarshal(text, &p) != nil || p.Directory != a.config.Directory {
		return ""
	}
	return p.URL
}

func (a *account) saveURL(url string) error {
	text, err := json.Marshal(place{Directory: a.config.Directory, URL: url})
	if err != nil {
		return err
	}
	return replaceFile(a.placeFile(), append(text, '\n'))
}

// ready is the client of an account that is open, with the key that counts.
func (a *account) ready(ctx context.Context) (*acme.Client, error) {
	if err := a.gate.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer a.gate.Release(1)
	return a.settle(ctx)
}

// settle finds out what is not known. The gate is held.
func (a *account) settle(ctx context.Context) (*acme.Client, error) {
	if a.settled {
		return a.client, nil
	}
	if err := a.settleKey(ctx); err != nil {
		return nil, fmt.Errorf("account %s: %w", a.name, err)
	}
	if a.url() == "" {
		found, err := a.client.Register(ctx)
		if err != nil {
			return nil, fmt.Errorf("account %s: %w", a.name, err)
		}
		if err := a.saveURL(found.URL); err != nil {
			return nil, fmt.Errorf("account %s: %w", a.name, err)
		}
	}
	a.settled = true
	return a.client, nil
}

// Obtain implements [renew.Issuer].
func (a *account) Obtain(ctx context.Context, r acme.Request, s acme.Solver) (*acme.Certificate, error) {
	if err := a.work.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer a.work.Release(1)
	client, err := a.ready(ctx)
	if err != nil {
		return nil, err
	}
	return client.Obtain(ctx, r, s)
}

// RenewalInfo implements [renew.Issuer]. It needs no account.
func (a *account) RenewalInfo(ctx context.Context, leaf *x509.Certificate) (acme.RenewalInfo, error) {
	if err := a.gate.Acquire(ctx, 1); err != nil {
		return acme.RenewalInfo{}, err
	}
	client := a.client
	a.gate.Release(1)
	return client.RenewalInfo(ctx, leaf)
}

// revoke revokes a certificate of the account.
func (a *account) revoke(ctx context.Context, leaf *x509.Certificate, reason int) error {
	client, err := a.ready(ctx)
	if err != nil {
		return err
	}
	return client.Revoke(ctx, leaf, reason)
}

// update opens the account if it is not, and makes its contacts the configured ones.
func (a *account) update(ctx context.Context) error {
	client, err := a.ready(ctx)
	if err != nil {
		return err
	}
	_, err = client.UpdateContacts(ctx)
	return err
}

// rollover gives the account a new key, once no order is on its way. The key is on disk
// before the authority hears of it, and in the place of the old one after that. Where it
// ends in between, settleKey goes on.
func (a *account) rollover(ctx context.Context) error {
	if err := a.work.Acquire(ctx, manyOrders); err != nil {
		return err
	}
	defer a.work.Release(manyOrders)
	if err := a.gate.Acquire(ctx, 1); err != nil {
		return err
	}
	defer a.gate.Release(1)
	client, err := a.settle(ctx)
	if err != nil {
		return err
	}
	next, err := ensureKey(a.nextKeyFile(), keyTypes[a.config.KeyType])
	if err != nil {
		return fmt.Errorf("account %s: the next key: %w", a.name, err)
	}
	if err := client.RolloverKey(ctx, next); err != nil {
		a.settled = refused(err) // else the answer may only be lost
		return fmt.Errorf("account %s: %w", a.name, err)
	}
	return a.promote()
}

// promote puts the next key in the place of the old one.
func (a *account) promote() error {
	if err := os.Rename(a.nextKeyFile(), a.config.Key); err != nil {
		a.settled = false
		return fmt.Errorf("account %s: the authority has the new key, which is in %s: %w", a.name, a.nextKeyFile(), err)
	}
	return syncFolder(a.config.Key)
}

// settleKey finds out which key the authority has, if a change was on its way. A next
// key that it has not is kept for the next change: it may hear of it late.
func (a *account) settleKey(ctx context.Context) error {
	next, err := readKey(a.nextKeyFile())
	if errors.Is(err, fs.ErrNotExist) || err == nil && a.url() == "" {
		return nil
	}
	if err != nil {
		return err
	}
	with, err := a.newClient(next)
	if err != nil {
		return err
	}
	_, nextErr := with.UpdateContacts(ctx)
	if nextErr == nil {
		a.log.Info("a change of the account's key is completed", "account", a.name)
		a.client = with
		return a.promote()
	}
	if !refused(nextErr) {
		return nextErr
	}
	old, err := readKey(a.config.Key)
	if err != nil {
		return err
	}
	if with, err = a.newClient(old); err != nil {
		return err
	}
	if _, err := with.UpdateContacts(ctx); err != nil {
		return errors.Join(err, fmt.Errorf("with %s: %w", a.nextKeyFile(), nextErr))
	}
	a.client = with
	return nil
}

// refused says that the authority understood, and did not do it.
func refused(err error) bool {
	problem, ok := errors.AsType[*acme.Error](err)
	return ok && problem.Status >= 400 && problem.Status < 500 && !problem.Temporary()
}
