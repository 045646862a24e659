package access

import (
	"context"
	"strconv"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// Power implements [model.House].
func (g Guarded) Power(ctx context.Context, name string, action model.PowerAction, reason, _ string) error {
	if reason != "" {
		g.Reason = reason
	}
	return g.do(ctx, "Power", name, string(action), func() error {
		return g.House.Power(ctx, name, action, g.Reason, g.Viewer.Name)
	})
}

// Rebuild implements [model.House].
func (g Guarded) Rebuild(ctx context.Context, name, _ string) error {
	return g.do(ctx, "Rebuild", name, "", func() error { return g.House.Rebuild(ctx, name, g.Viewer.Name) })
}

// SetDNSSEC implements [model.House].
func (g Guarded) SetDNSSEC(ctx context.Context, name string, on bool, _ string) error {
	return g.do(ctx, "SetDNSSEC", name, "on="+strconv.FormatBool(on), func() error {
		return g.House.SetDNSSEC(ctx, name, on, g.Viewer.Name)
	})
}

// RollKey implements [model.House].
func (g Guarded) RollKey(ctx context.Context, name, _ string) error {
	return g.do(ctx, "RollKey", name, "", func() error { return g.House.RollKey(ctx, name, g.Viewer.Name) })
}

// Certify implements [model.House].
func (g Guarded) Certify(ctx context.Context, name, _ string) error {
	return g.do(ctx, "Certify", name, "", func() error { return g.House.Certify(ctx, name, g.Viewer.Name) })
}

// SetProxy implements [model.House].
func (g Guarded) SetProxy(ctx context.Context, name string, header model.ProxyHeader, _ string) error {
	return g.do(ctx, "SetProxy", name, string(header), func() error {
		return g.House.SetProxy(ctx, name, header, g.Viewer.Name)
	})
}

// Probe implements [model.House].
func (g Guarded) Probe(ctx context.Context, name string) (v model.Verdict, err error) {
	err = g.do(ctx, "Probe", name, "", func() error {
		v, err = g.House.Probe(ctx, name)
		return err
	})
	return v, err
}

// do does what a method does if its rule allows it, and writes that down.
func (g Guarded) do(ctx context.Context, method, name, detail string, fn func() error) error {
	return g.doBy(ctx, Rules()[method], name, detail, fn)
}

// may is whose a thing is, if the viewer may do to it what the rule is about.
func (g Guarded) may(ctx context.Context, rule Rule, name string) (owner string, err error) {
	if rule.Change && g.ReadOnly {
		return "", ErrReadOnly
	}
	return g.owner(ctx, rule.Kind, name)
}

func (g Guarded) doBy(ctx context.Context, rule Rule, name, detail string, fn func() error) error {
	if g.Audit == nil {
		return errNoAudit
	}
	// Of what is denied the owner is not written down: who is denied may read the entry.
	e := audit.Entry{
		Actor: g.Actor, Action: rule.Action, Kind: string(rule.Kind), Thing: name,
		Detail: detail, Why: g.Reason,
	}
	e.Name = g.Viewer.Name
	owner, err := g.may(ctx, rule, name)
	if err != nil {
		if failed := g.Audit.Deny(ctx, e, err); failed != nil {
			return failed
		}
		return err
	}
	e.Owner = owner
	action, err := g.Audit.Begin(ctx, e)
	if err != nil {
		return err
	}
	return action.End(fn())
}
