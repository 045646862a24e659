package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/cli"
	"github.com/mythic-beasts/hostkit/examples/internal/control"
	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

// app is a command.
type app struct {
	*cli.Call
	cfg *config
}

// config reads the configuration, with its secrets.
func (a *app) config() (*config, error) {
	if a.cfg != nil {
		return a.cfg, nil
	}
	cfg, err := daemon.Load(a.Config, (*config).check)
	a.cfg = cfg
	return cfg, err
}

// callTimeout is longer than an order takes.
const callTimeout = time.Hour

// call asks the daemon, and reads its answer into out unless that is nil.
func (a *app) call(ctx context.Context, method, path string, form url.Values, out any) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	body, err := control.Client{Socket: cfg.Control, Timeout: callTimeout}.Call(ctx, method, path, form)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(body, out)
}

func renewCommand(ctx context.Context, a *app, args []string) error {
	names, err := a.Flags(args, "CERTIFICATE...", 1, -1, nil)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		var v view
		err := a.call(ctx, http.MethodPost, "/certificates/"+url.PathEscape(name)+"/renew", nil, &v)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		fmt.Fprintln(a.Stdout, v.Text)
	}
	return errors.Join(errs...)
}

// flagsLast lets flags of a command follow its first word.
func flagsLast(args []string) []string {
	if len(args) > 1 && !strings.HasPrefix(args[0], "-") {
		return append(append([]string{}, args[1:]...), args[0])
	}
	return args
}

func rolloverCommand(ctx context.Context, a *app, args []string) error {
	words, err := a.Flags(args, "ACCOUNT", 1, 1, nil)
	if err != nil {
		return err
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	name, err := cfg.account(words[0])
	if err != nil {
		return err
	}
	err = a.call(ctx, http.MethodPost, "/accounts/"+url.PathEscape(name)+"/rollover", nil, nil)
	if errors.Is(err, control.ErrNoDaemon) {
		var account *account
		if account, err = openAccount(name, cfg.Accounts[name], a.Log()); err == nil {
			err = account.rollover(ctx)
		}
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "account %s has a new key, in %s: keep a copy of it\n", name, cfg.Accounts[name].Key)
	return nil
}
