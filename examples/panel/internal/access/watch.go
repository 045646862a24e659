package access

import (
	"context"
	"errors"
	"fmt"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

var errSilent = fmt.Errorf("the console was opened to look on, open it with the keyboard to type: %w", model.ErrRefused)

// Watch implements [model.House]. A customer is told of what is theirs, and of what was
// until it went.
func (g Guarded) Watch(ctx context.Context, fn func(model.Change)) error {
	if g.Viewer.Operator {
		return g.House.Watch(ctx, fn)
	}
	theirs, err := g.theirs(ctx)
	if err != nil {
		return err
	}
	return g.House.Watch(ctx, func(c model.Change) {
		_, err := g.owner(ctx, c.Kind, c.Name)
		switch {
		case err == nil:
			theirs[c] = true
			fn(c)
		case theirs[c]:
			if errors.Is(err, model.ErrUnknown) {
				delete(theirs, c)
			}
			fn(c)
		}
	})
}

// theirs is what the viewer may see now.
func (g Guarded) theirs(ctx context.Context) (map[model.Change]bool, error) {
	found := map[model.Change]bool{}
	shelves, err := g.Shelves(ctx)
	for _, s := range shelves {
		for _, p := range s.Pis {
			found[model.Change{Kind: model.PiKind, Name: p.Name}] = true
		}
	}
	domains, err2 := g.Domains(ctx)
	for _, d := range domains {
		found[model.Change{Kind: model.DomainKind, Name: d.Name}] = true
	}
	sites, err3 := g.Sites(ctx)
	for _, s := range sites {
		found[model.Change{Kind: model.SiteKind, Name: s.Name}] = true
	}
	return found, errors.Join(err, err2, err3)
}
