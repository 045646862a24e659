package hook

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

const challengeLabel = "_acme-challenge."

// LegoExec serves a call of lego's provider "exec": "present" or "cleanup", and then
// the record's name and value, or in its RAW mode "--" and the domain, token and key
// authorization.
//
// A name that does not begin with _acme-challenge is refused: lego has followed a
// CNAME, and the DNS must not decide where our credentials write. Set
// LEGO_DISABLE_CNAME_SUPPORT=true, or use the RAW mode, and have the solver follow the
// alias to the zones that it may.
func (h *Hook) LegoExec(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("hook: lego: neither present nor cleanup was given")
	}
	action, args := args[0], args[1:]
	r, err := legoRecord(args)
	if err == nil {
		err = h.lego(ctx, action, true, r)
	}
	if err != nil {
		return fmt.Errorf("hook: lego: %q: %w", clip(action), err)
	}
	return nil
}

func legoRecord(args []string) (record, error) {
	switch {
	case len(args) == 2:
		return fromFQDN(args[0], args[1])
	case len(args) == 4 && args[0] == "--":
		return fromKeyAuth(args[1], args[2], args[3])
	}
	return record{}, fmt.Errorf("%d arguments: want FQDN VALUE, or -- DOMAIN TOKEN KEYAUTH", len(args))
}

func (h *Hook) lego(ctx context.Context, action string, wait bool, r record) error {
	switch action {
	case "present":
		return h.present(ctx, wait, r)
	case "cleanup":
		return h.clean(ctx, r)
	}
	return errors.New("neither present nor cleanup")
}

// fromFQDN has the record's name.
func fromFQDN(fqdn, value string) (record, error) {
	name, ok := strings.CutPrefix(lower(fqdn), challengeLabel)
	if !ok {
		return record{}, fmt.Errorf("name %q does not begin with %s: set LEGO_DISABLE_CNAME_SUPPORT=true", clip(fqdn), challengeLabel)
	}
	return newRecord(name, value)
}

// fromKeyAuth works the value out (RFC 8555 section 8.4).
func fromKeyAuth(domain, token, keyAuth string) (record, error) {
	rest, ok := strings.CutPrefix(keyAuth, token+".")
	if token == "" || !ok || checkValue(rest) != nil {
		return record{}, errors.New("the key authorization is not the token, a dot and a key's thumbprint")
	}
	sum := sha256.Sum256([]byte(keyAuth))
	return newRecord(domain, base64.RawURLEncoding.EncodeToString(sum[:]))
}
