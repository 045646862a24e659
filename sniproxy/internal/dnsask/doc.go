// Package dnsask asks recursive DNS servers: over UDP, over TCP when an answer was
// truncated, one server after the other, with an ID and a port that cannot be
// guessed, and with no answer taken for another question's.
//
// It keeps no answers. What it exchanges are messages of miekg/dns.
package dnsask
