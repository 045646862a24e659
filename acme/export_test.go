package acme

import (
	"crypto/x509"
	"net/http"
	"time"
)

// What reads a stranger's bytes, for the fuzz targets.

func Alternates(from string, links ...string) []string {
	return alternates(&reply{url: from, header: http.Header{"Link": links}})
}

func ParseChain(text []byte) ([]*x509.Certificate, error) { return parseChain(text) }

func (i *RenewalInfo) Read(body []byte, leaf *x509.Certificate) error { return i.read(body, leaf) }

func RetryAfter(value string, now time.Time) time.Duration {
	return retryAfter(http.Header{"Retry-After": {value}}, now)
}

const (
	MaxChain      = maxChain
	MaxAlternates = maxAlternates
	MaxDetail     = maxDetail
)
