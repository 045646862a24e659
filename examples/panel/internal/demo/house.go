package demo

import (
	"context"
	"fmt"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

func unknown(kind model.Kind, name string) error {
	return fmt.Errorf("demo: %s %q: %w", kind, name, model.ErrUnknown)
}

// Shelves implements model.House.
func (d *Demo) Shelves(context.Context) ([]model.Shelf, error) { return nil, nil }

// Pi implements model.House.
func (d *Demo) Pi(_ context.Context, name string) (model.Pi, error) {
	return model.Pi{}, unknown(model.PiKind, name)
}

// Boots implements model.House.
func (d *Demo) Boots(_ context.Context, name string, _ int) ([]model.Boot, error) {
	return nil, unknown(model.PiKind, name)
}

// Power implements model.House.
func (d *Demo) Power(_ context.Context, name string, _ model.PowerAction, _, _ string) error {
	return unknown(model.PiKind, name)
}

// Rebuild implements model.House.
func (d *Demo) Rebuild(_ context.Context, name, _ string) error {
	return unknown(model.PiKind, name)
}

// Console implements model.House.
func (d *Demo) Console(_ context.Context, name string, _ model.ConsoleOptions) (model.Console, error) {
	return nil, unknown(model.PiKind, name)
}

// SearchLog implements model.House.
func (d *Demo) SearchLog(_ context.Context, name, _ string, _ int) ([]model.LogLine, error) {
	return nil, unknown(model.PiKind, name)
}

// Domains implements model.House.
func (d *Demo) Domains(context.Context) ([]model.Domain, error) { return nil, nil }

// Domain implements model.House.
func (d *Demo) Domain(_ context.Context, name string) (model.Domain, error) {
	return model.Domain{}, unknown(model.DomainKind, name)
}

// SetDNSSEC implements model.House.
func (d *Demo) SetDNSSEC(_ context.Context, name string, _ bool, _ string) error {
	return unknown(model.DomainKind, name)
}

// RollKey implements model.House.
func (d *Demo) RollKey(_ context.Context, name, _ string) error {
	return unknown(model.DomainKind, name)
}

// Certify implements model.House.
func (d *Demo) Certify(_ context.Context, name, _ string) error {
	return unknown(model.DomainKind, name)
}

// Sites implements model.House.
func (d *Demo) Sites(context.Context) ([]model.Site, error) { return nil, nil }

// Site implements model.House.
func (d *Demo) Site(_ context.Context, name string) (model.Site, error) {
	return model.Site{}, unknown(model.SiteKind, name)
}

// SetProxy implements model.House.
func (d *Demo) SetProxy(_ context.Context, name string, _ model.ProxyHeader, _ string) error {
	return unknown(model.SiteKind, name)
}

// Probe implements model.House.
func (d *Demo) Probe(_ context.Context, name string) (model.Verdict, error) {
	return model.Verdict{}, unknown(model.SiteKind, name)
}

// Watch implements model.House.
func (d *Demo) Watch(ctx context.Context, _ func(model.Change)) error {
	<-ctx.Done()
	return ctx.Err()
}
