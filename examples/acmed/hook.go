package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/acme/hook"
)

// configVariable says where the configuration is, for a program that is called by a
// link's name and so without -config.
const configVariable = "ACMED_CONFIG"

// linkName is the command that a link to the program stands for, for clients that take
// a path and no arguments: acmed-dehydrated, acmed-lego, acmed-certbot-auth, …-cleanup,
// …-deploy, and acmed-run-parts in a folder of an event's name. Nil is none.
func linkName(path string) []string {
	client, ok := strings.CutPrefix(filepath.Base(path), program+"-")
	if !ok {
		return nil
	}
	var words []string
	if config := os.Getenv(configVariable); config != "" {
		words = append(words, "-config", config)
	}
	words = append(words, "hook")
	switch phase, certbot := strings.CutPrefix(client, "certbot-"); {
	case certbot:
		return append(words, "certbot", phase)
	case client == "run-parts":
		return append(words, client, filepath.Base(filepath.Dir(path)))
	}
	return append(words, client)
}

const hookSynopsis = "dehydrated|certbot|lego|run-parts [arguments]"

// hookCommand answers challenges of other clients, and deploys what they get. What
// follows the client's name is not ours: a value may begin with "-".
func hookCommand(ctx context.Context, a *app, args []string) error {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		_, err := a.Flags(args, hookSynopsis, 1, -1, func(*flag.FlagSet) {})
		return err
	}
	client, args := args[0], args[1:]
	switch client {
	case "dehydrated", "lego", "certbot", "run-parts":
	default:
		_, err := a.Flags(nil, hookSynopsis, 1, -1, nil)
		return err
	}
	h, err := a.hook()
	if err != nil {
		return err
	}
	first := ""
	if len(args) > 0 {
		first = args[0]
	}
	switch client {
	case "dehydrated":
		return h.Dehydrated(ctx, args)
	case "certbot":
		return h.Certbot(ctx, first, os.Getenv)
	case "lego":
		return h.LegoExec(ctx, args)
	}
	return h.RunParts(ctx, first, os.Getenv)
}

func (a *app) hook() (*hook.Hook, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	log := a.Log()
	answers, err := cfg.solver(log)
	if err != nil {
		return nil, err
	}
	h := &hook.Hook{Solver: answers, State: filepath.Join(cfg.State, "hook"), Log: log}
	if len(cfg.Hook.Deploy) == 0 {
		return h, nil
	}
	h.Deploy = func(ctx context.Context, d hook.Deployment) error {
		p := &paths{Name: defaultName(d.Names), Names: d.Names, Key: d.Key, Cert: d.Cert, Chain: d.Chain, FullChain: d.FullChain}
		if err := runCommand(ctx, cfg.Hook.Deploy, p, time.Duration(cfg.Deploy.Timeout)); err != nil {
			return fmt.Errorf("[hook] deploy: %w", err)
		}
		return nil
	}
	return h, nil
}
