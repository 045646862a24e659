// Package realtest has tests of the packages under dnssec together, against other
// people's software: validators that ask all the time while keys roll, a parent
// that is BIND, Knot DNS's own key manager in virtual time.
package realtest
