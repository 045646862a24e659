package model

import "net/netip"

// ProxyHeader is the PROXY protocol header that a site gets.
type ProxyHeader string

// The headers.
const (
	NoHeader ProxyHeader = "off"
	V1       ProxyHeader = "v1"
	V2       ProxyHeader = "v2"
)

// Site is a site behind the IPv4→IPv6 proxy.
type Site struct {
	// Name is the first of its Names.
	Name  string   `json:"name"`
	Owner string   `json:"owner"`
	Names []string `json:"names"`
	// Header is what its servers are sent.
	Header   ProxyHeader `json:"proxy_protocol"`
	Backends []Backend   `json:"backends"`
	// Open connections, and how many were routed since the proxy runs.
	Open   int64 `json:"open"`
	Routed int64 `json:"routed"`
	// Verdict is the last probe's.
	Verdict Verdict `json:"verdict"`
	// Words say how it is.
	Words string `json:"words"`
}

// Backend is a server of a site.
type Backend struct {
	Addr netip.AddrPort `json:"addr"`
	// State is "up", "down" or "draining".
	State string `json:"state"`
	// Why is the reason if it is not up.
	Why string `json:"why,omitempty"`
}

// Verdict is what a probe found.
type Verdict struct {
	// Good is whether the header is the one that the servers expect.
	Good bool `json:"good"`
	// Words say what was found and what to do. "" is that nobody has probed.
	Words string `json:"words"`
	// Want is the header that the servers expect, if that is known.
	Want ProxyHeader `json:"want,omitempty"`
}
