package acme

import (
	"errors"
	"time"
)

// ErrNoRenewalInfo says that the authority does not do ARI.
var ErrNoRenewalInfo = errors.New("the authority offers no renewal information")

// RenewalInfo is when an authority would like a certificate to be renewed, RFC
// 9773 section 4.2.
type RenewalInfo struct {
	// CertID names the certificate that the window is for. Keep it with the
	// window.
	CertID string
	// Start and End bound the window. End is after Start. Choose one moment in it
	// at random, once.
	Start, End time.Time
	// ExplanationURL is a page that says why, "" or something to show to the
	// operator. It is the authority's text: quote it.
	ExplanationURL string
	// RetryAfter is how long to keep this answer: between a minute and a day, 6
	// hours if the authority does not say.
	RetryAfter time.Duration
}
