// Package accesstest has a small house for tests: two customers, with a Pi, a domain and a
// site each, and a Pi of nobody.
package accesstest
