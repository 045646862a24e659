// Package realtest is the story of a customer's machine with real parts: it is
// planned, switched on, booted, put on the world's IPv6 and IPv4, given a name
// that validates and a certificate, broken and rebuilt. The README beside this
// folder tells it.
package realtest
