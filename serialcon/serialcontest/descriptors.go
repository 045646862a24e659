package serialcontest

import (
	"os"
	"testing"
)

// selectLimit is the first descriptor that select(2) cannot wait for.
const selectLimit = 1024

// UseDescriptors opens files until the next descriptors are beyond what
// select(2) can wait for: drivers that use it fail there, or write where they
// should not. The files are closed when the test ends. A limit of open files that
// is too low fails the test.
func UseDescriptors(t testing.TB) {
	t.Helper()
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatalf("serialcontest: the limit of open files is too low to try: %v", err)
		}
		t.Cleanup(func() { _ = f.Close() })
		if f.Fd() >= selectLimit {
			return
		}
	}
}
