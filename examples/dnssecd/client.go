package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/mythic-beasts/hostkit/examples/internal/cli"
	"github.com/mythic-beasts/hostkit/examples/internal/control"
)

// app is a command for the daemon that runs.
type app struct{ *cli.Call }

// call asks the daemon.
func (a *app) call(ctx context.Context, method, path string, form url.Values) ([]byte, error) {
	// The daemon's secrets are not this program's to read.
	var c struct {
		Control string `toml:"control"`
	}
	if _, err := toml.DecodeFile(a.Config, &c); err != nil {
		return nil, err
	}
	return control.Client{Socket: cmp.Or(c.Control, defaultControl), Timeout: 5 * time.Minute}.Call(ctx, method, path, form)
}

// do is a verb of a zone, and says where the zone is then.
func (a *app) do(ctx context.Context, zone, verb string, form url.Values) error {
	body, err := a.call(ctx, http.MethodPost, "/zones/"+zone+"/"+verb, form)
	if err != nil {
		return err
	}
	return a.tell(body, false)
}

func (a *app) tell(body []byte, asJSON bool) error {
	var v view
	if err := json.Unmarshal(body, &v); err != nil {
		return fmt.Errorf("the daemon's answer: %w", err)
	}
	if asJSON {
		enc := json.NewEncoder(a.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	_, err := fmt.Fprintln(a.Stdout, strings.TrimRight(v.Text, "\n"))
	return err
}

func statusCommand(ctx context.Context, a *app, args []string) error {
	asJSON := false
	zones, err := a.Flags(args, "[-json] [ZONE...]", 0, -1, func(fs *flag.FlagSet) {
		fs.BoolVar(&asJSON, "json", false, "as JSON, for programs")
	})
	if err != nil {
		return err
	}
	if len(zones) == 0 {
		body, err := a.call(ctx, http.MethodGet, "/zones", nil)
		if err == nil {
			err = json.Unmarshal(body, &zones)
		}
		if err != nil {
			return err
		}
	}
	var errs []error
	for i, zone := range zones {
		if i > 0 && !asJSON {
			fmt.Fprintln(a.Stdout)
		}
		body, err := a.call(ctx, http.MethodGet, "/zones/"+zone, nil)
		if err == nil {
			err = a.tell(body, asJSON)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", zone, err))
		}
	}
	return errors.Join(errs...)
}

// zonesCommand is a verb for some zones, zoneCommand for one.
func zonesCommand(ctx context.Context, a *app, args []string) error {
	zones, err := a.Flags(args, "ZONE...", 1, -1, nil)
	if err != nil {
		return err
	}
	return each(zones, func(zone string) error { return a.do(ctx, zone, a.Command, nil) })
}

func zoneCommand(ctx context.Context, a *app, args []string) error {
	zones, err := a.Flags(args, "ZONE", 1, 1, nil)
	if err != nil {
		return err
	}
	return a.do(ctx, zones[0], a.Command, nil)
}

func each(zones []string, fn func(zone string) error) error {
	var errs []error
	for _, zone := range zones {
		if err := fn(zone); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", zone, err))
		}
	}
	return errors.Join(errs...)
}

func rollCommand(ctx context.Context, a *app, args []string) error {
	emergency := false
	words, err := a.Flags(args, "[-emergency] ZONE ksk|zsk|csk", 2, 2, func(fs *flag.FlagSet) {
		fs.BoolVar(&emergency, "emergency", false, "somebody else may have the key: as quickly as is safe")
	})
	if err != nil {
		return err
	}
	return a.do(ctx, words[0], "roll", url.Values{"role": {strings.ToLower(words[1])}, "emergency": {strconv.FormatBool(emergency)}})
}

func dsCommand(ctx context.Context, a *app, args []string) error {
	words, err := a.Flags(args, "ZONE TAG present|absent", 3, 3, nil)
	if err != nil {
		return err
	}
	return a.do(ctx, words[0], "ds", url.Values{"tag": {words[1]}, "is": {words[2]}})
}

func clockCommand(ctx context.Context, a *app, args []string) error {
	if _, err := a.Flags(args, "", 0, 0, nil); err != nil {
		return err
	}
	_, err := a.call(ctx, http.MethodPost, "/clock", nil)
	return err
}

func timelineCommand(ctx context.Context, a *app, args []string) error {
	var past, future time.Duration
	zones, err := a.Flags(args, "[-past DURATION] [-for DURATION] ZONE", 1, 1, func(fs *flag.FlagSet) {
		fs.DurationVar(&past, "past", 0, "how far back; all that is known if it is not given")
		fs.DurationVar(&future, "for", 0, "how far ahead; 90 days if it is not given")
	})
	if err != nil {
		return err
	}
	form := url.Values{}
	for name, d := range map[string]time.Duration{"past": past, "for": future} {
		if d != 0 {
			form.Set(name, d.String())
		}
	}
	body, err := a.call(ctx, http.MethodGet, "/zones/"+zones[0]+"/timeline.svg", form)
	if err != nil {
		return err
	}
	_, err = a.Stdout.Write(body)
	return err
}
