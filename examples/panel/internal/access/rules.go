package access

import "github.com/mythic-beasts/hostkit/examples/panel/internal/model"

// Rule says what a method of [model.House] does, and so who may call it.
type Rule struct {
	// Kind is the kind of the thing that the method names: its owner may call it, and
	// operators. "" is a method that names none: what it returns is what the viewer may
	// see.
	Kind model.Kind
	// Action is its name in the audit log. "" is not written down.
	Action string
	// Change is whether it changes anything, which read-only viewers may not.
	Change bool
}

// Rules are the rules, by method.
func Rules() map[string]Rule {
	return map[string]Rule{
		"Shelves": {},
		"Pi":      {Kind: model.PiKind},
		"Boots":   {Kind: model.PiKind},
		"Power":   {Kind: model.PiKind, Action: "pi.power", Change: true},
		"Rebuild": {Kind: model.PiKind, Action: "pi.rebuild", Change: true},
		// To look on is no change, but it is written down: a console shows much. The
		// right to type is a change.
		"Console":   {Kind: model.PiKind, Action: "pi.console"},
		"SearchLog": {Kind: model.PiKind},
		"Domains":   {},
		"Domain":    {Kind: model.DomainKind},
		"SetDNSSEC": {Kind: model.DomainKind, Action: "domain.dnssec", Change: true},
		"RollKey":   {Kind: model.DomainKind, Action: "domain.roll", Change: true},
		"Certify":   {Kind: model.DomainKind, Action: "domain.certify", Change: true},
		"Sites":     {},
		"Site":      {Kind: model.SiteKind},
		"SetProxy":  {Kind: model.SiteKind, Action: "site.proxy", Change: true},
		// It connects to the site's servers, and the verdict stays.
		"Probe": {Kind: model.SiteKind, Action: "site.probe", Change: true},
		"Watch": {},
	}
}
