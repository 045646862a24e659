package acme

import (
	"crypto"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Client is one account at one certificate authority. Directory and Key are
// required. It is safe for use by many goroutines, and must not be copied or
// changed after its first use.
type Client struct {
	// Directory is the https URL of the authority's directory, RFC 8555 section
	// 7.1.1.
	Directory string
	// Key is the key of the account: RSA of 2048 bits or more, or ECDSA on P-256,
	// P-384 or P-521. It may live in an HSM. The same key finds the same account
	// again.
	Key crypto.Signer
	// AccountURL is the URL of the account. "" finds it by the key, and creates
	// the account if the authority knows none.
	AccountURL string
	// AcceptTerms says that the account's owner agrees to the terms of service
	// of the authority. Most authorities create no account without it.
	AcceptTerms bool
	// Contacts are the URLs of a new account's contacts: "mailto:…".
	Contacts []string
	// EAB binds a new account to one that the customer has with the authority
	// already, RFC 8555 section 7.3.4. Nil binds to none.
	EAB *EAB
	// HTTP makes the requests. Nil is a client of its own, with HTTP/2 and the
	// system's roots. It is copied: redirects are refused by the copy.
	HTTP *http.Client
	// UserAgent goes before this package's name in User-Agent. "" is nothing.
	UserAgent string
	// SameHost refuses every URL that the authority gives on another host than
	// that of Directory.
	SameHost bool
	// MaxRequests is how many requests may be under way at once; more wait for their
	// turn. 0 is 64, which HTTP/2 carries by one connection.
	MaxRequests int
	// RequestTimeout bounds one HTTP request. 0 is 60 seconds.
	RequestTimeout time.Duration
	// CleanUpTimeout bounds the clean-up of one challenge. 0 is 2 minutes.
	CleanUpTimeout time.Duration
	// Poll says how often to ask for the state of an order.
	Poll PollPolicy
	// Log gets a line per order, and per request at Debug. Nil discards.
	Log *slog.Logger
	// Now is the clock. Nil is [time.Now].
	Now func() time.Time

	mu    sync.Mutex
	state *state // of the account, made at the first use; guarded by mu
}

// PollPolicy says how often an authorization or an order is asked for that is
// not done yet. The authority's Retry-After comes first, up to Max; without one
// the wait starts at First and doubles up to Max. Every wait is lengthened by up
// to a fifth at random, so that many clients spread.
type PollPolicy struct {
	// First is the first wait. 0 is 50 ms. Since waits double, an authority that
	// takes seconds is asked but a few times more than with a longer one.
	First time.Duration
	// Max is the longest wait without Retry-After. 0 is 5 seconds.
	Max time.Duration
	// MaxRetryAfter is the longest wait that the authority can ask for. 0 is a
	// minute.
	MaxRetryAfter time.Duration
	// Timeout is how long an authorization, and then the issuing, may take in
	// all. 0 is 10 minutes.
	Timeout time.Duration
}

// EAB is an external account binding: what an authority hands to its customers
// so that they can open an ACME account.
type EAB struct {
	// KeyID names the key to the authority.
	KeyID string
	// HMAC is the secret, decoded from base64url.
	HMAC []byte `json:"-"`
}

// Format prints the name of the key, never the secret.
func (e EAB) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "EAB(%q)", e.KeyID) }

// LogValue is the name of the key, never the secret.
func (e EAB) LogValue() slog.Value { return slog.StringValue(e.KeyID) }

// Account is an account as the authority sees it.
type Account struct {
	// URL names the account, in CAA records (RFC 8657) for example.
	URL string
	// Status is "valid", "deactivated" or "revoked".
	Status string
	// Contacts are the URLs that the authority keeps. Some keep none.
	Contacts []string
	// Created says that this call opened the account.
	Created bool
}
