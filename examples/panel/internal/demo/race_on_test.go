//go:build race

package demo_test

// full is how many Pis a test of a full shelf has. The race detector takes ten times
// as long.
const full = 24
