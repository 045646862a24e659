package poe_test

import (
	"os"
	"testing"
)

// childEnv has the test binary run as a process to be killed.
const childEnv = "HOSTKIT_POE_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(child())
	}
	os.Exit(m.Run())
}
