package hook

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// Dehydrated serves a call of dehydrated: the name of a hook and its arguments. Hooks
// that it does not know it lets pass, as dehydrated wants. With HOOK_CHAIN there is
// one call for all names, which is faster.
//
// sync_cert returns when the files are on the disk. invalid_challenge,
// request_failure and exit_hook with an error are logged.
func (h *Hook) Dehydrated(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("hook: dehydrated: no name of a hook was given")
	}
	name, args := args[0], args[1:]
	if err := h.dehydrated(ctx, name, args); err != nil {
		return fmt.Errorf("hook: dehydrated: %s: %w", name, err)
	}
	return nil
}

func (h *Hook) dehydrated(ctx context.Context, name string, args []string) error {
	switch name {
	case "deploy_challenge", "clean_challenge":
		records, err := triples(args)
		if err != nil {
			return err
		}
		if name == "clean_challenge" {
			return h.clean(ctx, records...)
		}
		return h.present(ctx, true, records...)
	case "sync_cert":
		return syncFiles(args)
	case "deploy_cert":
		return h.deployCert(ctx, args)
	case "invalid_challenge", "request_failure":
		h.log().Warn("the authority refuses", "hook", name, "arguments", clipAll(args))
	case "exit_hook":
		if len(args) > 0 && args[0] != "" {
			h.log().Warn("dehydrated fails", "error", clip(args[0]))
		}
	}
	return nil
}

// triples are DOMAIN TOKEN_FILENAME TOKEN_VALUE, once or many times.
func triples(args []string) ([]record, error) {
	const parts = 3
	if len(args) == 0 || len(args)%parts != 0 {
		return nil, fmt.Errorf("%d arguments: want DOMAIN TOKEN_FILENAME TOKEN_VALUE, once or more", len(args))
	}
	var records []record
	for t := range slices.Chunk(args, parts) {
		r, err := newRecord(t[0], t[2])
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// deployCert has DOMAIN KEYFILE CERTFILE FULLCHAINFILE CHAINFILE TIMESTAMP.
func (h *Hook) deployCert(ctx context.Context, args []string) error {
	const want = 6
	if len(args) < want {
		return fmt.Errorf("%d arguments: want DOMAIN KEYFILE CERTFILE FULLCHAINFILE CHAINFILE TIMESTAMP", len(args))
	}
	name, err := checkName(args[0])
	if err != nil {
		return err
	}
	d := Deployment{Names: []string{name}, Key: args[1], Cert: args[2], FullChain: args[3], Chain: args[4]}
	if args[5] != "" {
		seconds, err := strconv.ParseInt(args[5], 10, 64)
		if err != nil {
			return fmt.Errorf("timestamp %q: want seconds since 1970", clip(args[5]))
		}
		d.Time = time.Unix(seconds, 0)
	}
	return h.deploy(ctx, d)
}

func (h *Hook) deploy(ctx context.Context, d Deployment) error {
	for _, path := range []string{d.Key, d.Cert, d.FullChain, d.Chain} {
		if err := checkPath(path); err != nil {
			return err
		}
	}
	if h.Deploy == nil {
		return nil
	}
	if err := h.Deploy(ctx, d); err != nil {
		return fmt.Errorf("deploy the certificate of %s: %w", d.Names[0], err)
	}
	return nil
}

// syncFiles puts files and the folders that name them on the disk.
func syncFiles(paths []string) error {
	if len(paths) == 0 {
		return errors.New("no files were given")
	}
	var all []string
	for _, path := range paths {
		if err := checkPath(path); err != nil {
			return err
		}
		all = append(all, path)
	}
	for _, path := range paths {
		if dir := filepath.Dir(path); !slices.Contains(all, dir) {
			all = append(all, dir)
		}
	}
	for _, path := range all {
		if err := syncFile(path); err != nil {
			return fmt.Errorf("put %q on the disk: %w", path, err)
		}
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func clipAll(args []string) []string {
	const most = 8
	var clipped []string
	for _, arg := range args[:min(len(args), most)] {
		clipped = append(clipped, clip(arg))
	}
	return clipped
}
