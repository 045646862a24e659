package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
)

// statusCommand needs no daemon: all is in the store.
func statusCommand(ctx context.Context, a *app, args []string) error {
	asJSON := false
	names, err := a.Flags(args, "[-json] [CERTIFICATE...]", 0, -1, func(fs *flag.FlagSet) {
		fs.BoolVar(&asJSON, "json", false, "as JSON, for programs")
	})
	if err != nil {
		return err
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	s, err := cfg.Store.open()
	if err != nil {
		return err
	}
	defer func() { _ = s.close() }()
	if len(names) == 0 {
		names = nil
	}
	all, err := views(ctx, cfg, s, names)
	if err != nil {
		return err
	}
	if asJSON {
		enc := json.NewEncoder(a.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(all)
	}
	for _, v := range all {
		fmt.Fprintln(a.Stdout, v.Text)
	}
	return nil
}
