package access

import (
	"context"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// Console implements [model.House]. That it was opened is written down, and what is typed
// is not: it may be a password. Whether the viewer may still see the Pi is asked at each
// screen and key.
func (g Guarded) Console(ctx context.Context, name string, o model.ConsoleOptions) (c model.Console, err error) {
	o.By = g.Viewer.Name
	rule, detail := Rules()["Console"], "look on"
	if o.Keyboard {
		rule.Change, detail = true, "type"
	}
	if o.Keyboard && o.Take {
		detail = "type, and take the keyboard"
	}
	err = g.doBy(ctx, rule, name, detail, func() error {
		c, err = g.House.Console(ctx, name, o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &console{c, g, name, !o.Keyboard}, nil
}

// console is a console of a Pi that may be given to another meanwhile.
type console struct {
	model.Console
	guard  Guarded
	pi     string
	silent bool
}

// Screen implements [model.Console].
func (c *console) Screen(ctx context.Context, after uint64) (model.Screen, error) {
	s, err := c.Console.Screen(ctx, after)
	if err != nil {
		return model.Screen{}, err
	}
	if _, err := c.guard.owner(ctx, model.PiKind, c.pi); err != nil {
		return model.Screen{}, err
	}
	return s, nil
}

// Type implements [model.Console].
func (c *console) Type(ctx context.Context, keys []byte) error {
	if c.guard.ReadOnly {
		return ErrReadOnly
	}
	if _, err := c.guard.owner(ctx, model.PiKind, c.pi); err != nil {
		return err
	}
	if c.silent {
		return errSilent
	}
	return c.Console.Type(ctx, keys)
}
