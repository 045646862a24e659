//go:build !race

package demo_test

import "github.com/mythic-beasts/hostkit/examples/panel/internal/demo"

// full is how many Pis a test of a full shelf has.
const full = demo.MaxPis
