package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

var (
	errNoPower    = errors.New("you may not switch this machine's power")
	errNoAction   = errors.New("the action is on, off, cycle or status")
	errPowerUnset = errors.New("[power] is not configured")
)

// powerOf asks the operator's command to switch a console's machine. It goes on
// when whoever asked hangs up: a machine must not stay dark for that.
func (s *server) powerOf(ctx context.Context, u *user, c *console, action string) (string, error) {
	switch {
	case s.power == nil:
		return "", errPowerUnset
	case !slices.Contains([]string{"on", "off", "cycle", "status"}, action):
		return "", fmt.Errorf("%w, not %q", errNoAction, action)
	case !u.power || u.readOnly && action != "status":
		return "", errNoPower
	}
	return s.power.run(context.WithoutCancel(ctx), map[string]string{
		"console": c.Name, "machine": c.config.Machine, "action": action, "who": u.name,
	}, "")
}
