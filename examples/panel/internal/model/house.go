package model

import (
	"context"
	"errors"
)

// ErrUnknown is wrapped by errors about a Pi, domain or site that the house has not.
var ErrUnknown = errors.New("no such thing")

// ErrRefused is wrapped by errors whose text tells a person why a thing was not done
// and what to do: a port under lockout, a DS that the parent has not.
var ErrRefused = errors.New("refused")

// House is the company's plumbing. Its methods may be called by many goroutines, and
// what they return is the caller's. by is the name of the person, for the records of
// the parts.
type House interface {
	// Shelves are the shelves with their Pis, by name.
	Shelves(ctx context.Context) ([]Shelf, error)
	// Pi is one Pi.
	Pi(ctx context.Context, name string) (Pi, error)
	// Boots are the boots of a Pi, the latest first, at most n.
	Boots(ctx context.Context, name string, n int) ([]Boot, error)
	// Power switches a Pi. It returns when the switch has confirmed it.
	Power(ctx context.Context, name string, action PowerAction, reason, by string) error
	// Rebuild gives a Pi a fresh root, and the power that it needs to boot from it.
	Rebuild(ctx context.Context, name, by string) error

	// Console opens a session on the console of a Pi.
	Console(ctx context.Context, name string, o ConsoleOptions) (Console, error)
	// SearchLog are the lines of the console's log with the text, the latest first, at
	// most n. "" finds every line.
	SearchLog(ctx context.Context, name, text string, n int) ([]LogLine, error)

	// Domains are the domains, by name.
	Domains(ctx context.Context) ([]Domain, error)
	// Domain is one domain.
	Domain(ctx context.Context, name string) (Domain, error)
	// SetDNSSEC presses the button: signing and the DS at the parent follow by
	// themselves, or the way back to an unsigned zone does.
	SetDNSSEC(ctx context.Context, name string, on bool, by string) error
	// RollKey begins to replace a zone's keys.
	RollKey(ctx context.Context, name, by string) error
	// Certify obtains the domain's certificate, or renews it.
	Certify(ctx context.Context, name, by string) error

	// Sites are the sites behind the proxy, by name.
	Sites(ctx context.Context) ([]Site, error)
	// Site is one site.
	Site(ctx context.Context, name string) (Site, error)
	// SetProxy says by which PROXY protocol header the site learns of its clients.
	SetProxy(ctx context.Context, name string, header ProxyHeader, by string) error
	// Probe finds out what the site's servers expect, and returns what to do in words.
	Probe(ctx context.Context, name string) (Verdict, error)

	// Watch calls fn for what changes, until ctx ends, and returns its error. A slow fn
	// misses none: changes of one thing become one.
	Watch(ctx context.Context, fn func(Change)) error
}

// Kind is a kind of thing.
type Kind string

// The kinds of things.
const (
	PiKind     Kind = "pi"
	DomainKind Kind = "domain"
	SiteKind   Kind = "site"
)

// Change says that a thing is not as it was.
type Change struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"`
}
