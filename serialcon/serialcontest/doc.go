// Package serialcontest has what tests of consoles need: pseudo-terminals, a
// chatty host, a UART in memory and a conformance suite for ports.
package serialcontest
