package access

import (
	"context"
	"errors"
	"fmt"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// ErrReadOnly is wrapped by errors of changes by those who may only look.
var ErrReadOnly = errors.New("this may only read")

var errNoAudit = errors.New("there is no audit log, and without one nothing is changed")

// Guarded is a house as one person may see and touch it. It implements [model.House]. What
// is unknown and what is another's are the same error, which wraps [model.ErrUnknown]. It
// is cheap: make one for each request.
type Guarded struct {
	// House is the whole house.
	House model.House
	// Viewer is who looks.
	Viewer model.Viewer
	// Actor is the same for the audit log. Its name is the name that the house is told,
	// whatever the caller says.
	Actor audit.Actor
	// ReadOnly refuses every change, with an error that wraps [ErrReadOnly].
	ReadOnly bool
	// Reason is why, for those changes that have no reason of their own.
	Reason string
	// Audit is told of every change before it is made, and what became of it. Required
	// for changes.
	Audit *audit.Log
}

var _ model.House = Guarded{}

// Shelves implements [model.House]. A customer gets those shelves that have a Pi of theirs.
func (g Guarded) Shelves(ctx context.Context) ([]model.Shelf, error) {
	shelves, err := g.House.Shelves(ctx)
	var seen []model.Shelf
	for _, s := range shelves {
		if s = g.Viewer.Shelf(s); g.Viewer.Operator || len(s.Pis) > 0 {
			seen = append(seen, s)
		}
	}
	return seen, err
}

// Pi implements [model.House].
func (g Guarded) Pi(ctx context.Context, name string) (model.Pi, error) {
	return one(g, model.PiKind, name, func() (model.Pi, error) { return g.House.Pi(ctx, name) },
		func(p model.Pi) string { return p.Owner })
}

// Domain implements [model.House].
func (g Guarded) Domain(ctx context.Context, name string) (model.Domain, error) {
	return one(g, model.DomainKind, name, func() (model.Domain, error) { return g.House.Domain(ctx, name) },
		func(d model.Domain) string { return d.Owner })
}

// Site implements [model.House].
func (g Guarded) Site(ctx context.Context, name string) (model.Site, error) {
	return one(g, model.SiteKind, name, func() (model.Site, error) { return g.House.Site(ctx, name) },
		func(s model.Site) string { return s.Owner })
}

// one gets a thing that the viewer may see.
func one[T any](g Guarded, kind model.Kind, name string, get func() (T, error), owner func(T) string) (none T, _ error) {
	thing, err := get()
	if errors.Is(err, model.ErrUnknown) || err == nil && !g.Viewer.Sees(owner(thing)) {
		return none, unknown(kind, name)
	}
	if err != nil {
		return none, err
	}
	return thing, nil
}

// unknown is the error about what is not there, or not the viewer's: the house's own
// could tell them apart.
func unknown(kind model.Kind, name string) error {
	return fmt.Errorf("%s %q: %w", kind, name, model.ErrUnknown)
}

// owner is whose a thing is, if the viewer may see it.
func (g Guarded) owner(ctx context.Context, kind model.Kind, name string) (string, error) {
	switch kind {
	case model.PiKind:
		p, err := g.Pi(ctx, name)
		return p.Owner, err
	case model.DomainKind:
		d, err := g.Domain(ctx, name)
		return d.Owner, err
	case model.SiteKind:
		s, err := g.Site(ctx, name)
		return s.Owner, err
	}
	return "", unknown(kind, name)
}

// Boots implements [model.House].
func (g Guarded) Boots(ctx context.Context, name string, n int) ([]model.Boot, error) {
	if _, err := g.owner(ctx, model.PiKind, name); err != nil {
		return nil, err
	}
	return g.House.Boots(ctx, name, n)
}

// SearchLog implements [model.House].
func (g Guarded) SearchLog(ctx context.Context, name, text string, n int) ([]model.LogLine, error) {
	if _, err := g.owner(ctx, model.PiKind, name); err != nil {
		return nil, err
	}
	return g.House.SearchLog(ctx, name, text, n)
}

// Domains implements [model.House].
func (g Guarded) Domains(ctx context.Context) ([]model.Domain, error) {
	all, err := g.House.Domains(ctx)
	return seen(g, all, func(d model.Domain) string { return d.Owner }), err
}

// Sites implements [model.House].
func (g Guarded) Sites(ctx context.Context) ([]model.Site, error) {
	all, err := g.House.Sites(ctx)
	return seen(g, all, func(s model.Site) string { return s.Owner }), err
}

func seen[T any](g Guarded, all []T, owner func(T) string) (seen []T) {
	for _, thing := range all {
		if g.Viewer.Sees(owner(thing)) {
			seen = append(seen, thing)
		}
	}
	return seen
}

// History are the entries of the audit log that the viewer may see.
func (g Guarded) History(ctx context.Context, f audit.Filter) ([]audit.Entry, error) {
	if g.Audit == nil {
		return nil, errNoAudit
	}
	f.Viewer = audit.Viewer(g.Viewer)
	return g.Audit.Query(ctx, f)
}
