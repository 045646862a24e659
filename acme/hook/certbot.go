package hook

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// Certbot serves a call of certbot with --manual: "auth", "cleanup" or "deploy" for
// --manual-auth-hook, --manual-cleanup-hook and --deploy-hook. Getenv is [os.Getenv].
//
// There is a call of auth for each name. The last one waits, for its own record and,
// with [Hook.State], for those of the calls before. Without State, names of another
// zone may not be visible yet when certbot goes on.
func (h *Hook) Certbot(ctx context.Context, phase string, getenv func(string) string) error {
	var err error
	switch phase {
	case "auth":
		err = h.certbotAuth(ctx, getenv)
	case "cleanup":
		var r record
		if r, err = certbotRecord(getenv); err == nil {
			err = h.clean(ctx, r)
		}
	case "deploy":
		err = h.certbotDeploy(ctx, getenv)
	default:
		err = errors.New("neither auth nor cleanup nor deploy")
	}
	if err != nil {
		return fmt.Errorf("hook: certbot: %q: %w", clip(phase), err)
	}
	return nil
}

func certbotRecord(getenv func(string) string) (record, error) {
	if getenv("CERTBOT_TOKEN") != "" {
		return record{}, errors.New("the challenge is not dns-01: call certbot with --preferred-challenges dns")
	}
	return newRecord(getenv("CERTBOT_DOMAIN"), getenv("CERTBOT_VALIDATION"))
}

func (h *Hook) certbotAuth(ctx context.Context, getenv func(string) string) error {
	r, err := certbotRecord(getenv)
	if err != nil {
		return err
	}
	remaining := 0
	if text := getenv("CERTBOT_REMAINING_CHALLENGES"); text != "" {
		if remaining, err = strconv.Atoi(text); err != nil || remaining < 0 {
			return fmt.Errorf("CERTBOT_REMAINING_CHALLENGES is %q: want a number", clip(text))
		}
	}
	if err := h.present(ctx, remaining == 0, r); err != nil || h.State == "" {
		return err
	}
	before, err := h.remember(getenv("CERTBOT_ALL_DOMAINS"), remaining, r)
	if err != nil {
		return fmt.Errorf("remember the record: %w", err)
	}
	return h.await(ctx, before...)
}

func (h *Hook) certbotDeploy(ctx context.Context, getenv func(string) string) error {
	var names []string
	for name := range strings.FieldsSeq(getenv("RENEWED_DOMAINS")) {
		normal, err := checkName(name)
		if err != nil {
			return err
		}
		names = append(names, normal)
	}
	if len(names) == 0 {
		return errors.New("RENEWED_DOMAINS is empty")
	}
	lineage := getenv("RENEWED_LINEAGE")
	if err := checkPath(lineage); err != nil {
		return err
	}
	return h.deploy(ctx, Deployment{
		Names: names, Key: filepath.Join(lineage, "privkey.pem"), Cert: filepath.Join(lineage, "cert.pem"),
		FullChain: filepath.Join(lineage, "fullchain.pem"), Chain: filepath.Join(lineage, "chain.pem"),
	})
}
