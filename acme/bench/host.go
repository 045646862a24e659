package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
)

// host lets servers that are made for tests run in a program.
type host struct {
	testing.TB
	cleanUps []func()
}

var background = context.Background()

func (h *host) Helper()          {}
func (h *host) Cleanup(f func()) { h.cleanUps = append(h.cleanUps, f) }

func (h *host) cleanUp() {
	for _, f := range slices.Backward(h.cleanUps) {
		f()
	}
}

func (h *host) Errorf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (h *host) Fatalf(format string, args ...any) {
	h.Errorf(format, args...)
	os.Exit(1)
}

func (h *host) Fatal(args ...any) { h.Fatalf("%s", fmt.Sprint(args...)) }
