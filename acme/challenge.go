package acme

import "context"

// Types of challenges.
const (
	HTTP01       = "http-01"        // RFC 8555 section 8.3
	DNS01        = "dns-01"         // RFC 8555 section 8.4
	TLSALPN01    = "tls-alpn-01"    // RFC 8737
	DNSAccount01 = "dns-account-01" // draft-ietf-acme-dns-account-label
	DNSPersist01 = "dns-persist-01" // draft-ietf-acme-dns-persist
)

// Challenge is one way to prove that a name is ours.
type Challenge struct {
	// Type is how: "dns-01" for example.
	Type string
	// Identifier is the name in A-labels and lower case, without "*.".
	Identifier string
	// Wildcard says that "*." of Identifier is to be proved. The DNS name of the
	// proof is the same, so that two challenges can have one name and different
	// values.
	Wildcard bool
	// Token and KeyAuth are the token and key authorization of RFC 8555 section
	// 8.1. They are "" for a type without token (dns-persist-01).
	Token, KeyAuth string
	// TXT is the value of the record that answers dns-01 and dns-account-01, 43
	// characters.
	TXT string
	// URL is the challenge's own.
	URL string
	// AccountURL is the account's. dns-account-01 and dns-persist-01 need it.
	AccountURL string
	// IssuerDomains are the names of the authority that a record for
	// dns-persist-01 may give.
	IssuerDomains []string
}

// Solver answers challenges. Its method is called by many goroutines at once,
// one for each name.
type Solver interface {
	// Present puts the answer in place, or begins to. It is called for each type
	// of challenge of a name that the solver may want, dns-01 if it does not say;
	// see [TypedSolver]. What it put in place when it fails it must remove itself.
	Present(ctx context.Context, ch Challenge) (Presented, error)
}

// TypedSolver is a [Solver] for other types than dns-01.
type TypedSolver interface {
	Solver
	// Types are the types of challenges that it answers, best first. Of those the
	// authority offers, the first is used.
	Types() []string
}

// Presented is an answer in place.
type Presented interface {
	// Ready returns when the authority will find the answer, or an error if it
	// will not in time.
	Ready(ctx context.Context) error
	// CleanUp removes the answer and nothing else. It is called once, whatever
	// came of the challenge. Its context lives even if that of Present has ended.
	CleanUp(ctx context.Context) error
}
