// Package upstream asks a fixed set of recursive DNS servers, the one that answered
// last first, within a time that a visitor waits for.
//
// It keeps no answers. What it exchanges are messages of miekg/dns.
package upstream
