package limit

// Scope is what a limit is of.
type Scope uint8

// Scopes.
const (
	PerClient Scope = iota + 1
	PerSite
	Total
)

func (s Scope) String() string {
	switch s {
	case PerClient:
		return "client"
	case PerSite:
		return "site"
	case Total:
		return "total"
	}
	return "unknown"
}

// Kind is what a limit counts.
type Kind uint8

// Kinds.
const (
	Conns Kind = iota + 1
	Rate
)

func (k Kind) String() string {
	switch k {
	case Conns:
		return "connections"
	case Rate:
		return "rate"
	}
	return "unknown"
}

// Error says which limit refused a connection. It is comparable, and fit for a
// metric's label.
type Error struct {
	Scope Scope
	Kind  Kind
}

func (e *Error) Error() string {
	what, of := "connections", "of one client"
	if e.Kind == Rate {
		what = "new connections"
	}
	switch e.Scope {
	case PerSite:
		of = "to one site"
	case Total:
		of = "in all"
	}
	return "limit: too many " + what + " " + of
}
