package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// accountView is an account for programs.
type accountView struct {
	Account   string   `json:"account"`
	Directory string   `json:"directory"`
	URL       string   `json:"url,omitempty"`
	Key       string   `json:"key"`
	Contacts  []string `json:"contacts"`
	// Text is all of it in words.
	Text string `json:"text"`
}

func newAccountView(name string, of *account) accountView {
	v := accountView{
		Account: name, Directory: of.config.Directory, URL: of.url(), Key: of.config.Key,
		Contacts: append([]string{}, of.config.Contacts...),
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: at %s\n  key in %s", name, v.Directory, v.Key)
	if v.URL == "" {
		b.WriteString("\n  is not open yet: an order opens it, or -update")
	} else {
		fmt.Fprintf(&b, "\n  is %q\n  for CAA records: accounturi=%s; validationmethods=dns-01", v.URL, v.URL)
	}
	if len(v.Contacts) > 0 {
		fmt.Fprintf(&b, "\n  contacts %s", strings.Join(v.Contacts, " "))
	}
	v.Text = b.String()
	return v
}

// accountCommand shows accounts.
func accountCommand(ctx context.Context, a *app, args []string) error {
	asJSON, update := false, false
	names, err := a.Flags(args, "[-update] [-json] [ACCOUNT...]", 0, -1, func(fs *flag.FlagSet) {
		fs.BoolVar(&asJSON, "json", false, "as JSON, for programs")
		fs.BoolVar(&update, "update", false, "open accounts that are not, and make the contacts those of the configuration")
	})
	if err != nil {
		return err
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(cfg.Accounts))
	}
	all := []accountView{}
	var errs []error
	for _, name := range names {
		v, err := a.showAccount(ctx, cfg, name, update)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, v)
	}
	if asJSON {
		enc := json.NewEncoder(a.Stdout)
		enc.SetIndent("", "  ")
		return errors.Join(append(errs, enc.Encode(all))...)
	}
	for _, v := range all {
		fmt.Fprintln(a.Stdout, v.Text)
	}
	return errors.Join(errs...)
}

func (a *app) showAccount(ctx context.Context, cfg *config, name string, update bool) (accountView, error) {
	name, err := cfg.account(name)
	if err != nil {
		return accountView{}, err
	}
	of := &account{name: name, config: cfg.Accounts[name]}
	if update {
		if of, err = openAccount(name, cfg.Accounts[name], a.Log()); err != nil {
			return accountView{}, err
		}
		if err := of.update(ctx); err != nil {
			return accountView{}, err
		}
	}
	return newAccountView(name, of), nil
}
