package peer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// RequireEnv is the environment variable that, set to 1, turns every skip of
// this package into a failure.
const RequireEnv = "HOSTKIT_REQUIRE_E2E"

// Required reports whether skips are failures in this run.
func Required() bool { return os.Getenv(RequireEnv) == "1" }

// Skip skips the test for a reason that lies in the machine, such as a missing
// program; it fails the test instead when [Required]. It does not return.
func Skip(t testing.TB, reason string, args ...any) {
	t.Helper()
	reason = fmt.Sprintf(reason, args...)
	if Required() {
		t.Fatalf("%s=1 forbids to skip: %s", RequireEnv, reason)
	}
	t.Skip(reason)
}

// NeedRoot skips the test unless it runs as root.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Skip(t, "needs root")
	}
}

// Need returns the absolute paths of the programs, all of which the test needs.
func Need(t testing.TB, programs ...string) []string {
	t.Helper()
	paths := make([]string, len(programs))
	for i, name := range programs {
		paths[i] = Look(t, name)
	}
	return paths
}

// Look returns the absolute path of the first of the names that is installed,
// for a program that has several: Look(t, "tshark", "wireshark-cli"). It looks
// in PATH and then in the system folders that a plain user's PATH leaves out.
func Look(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, ok := find(name); ok {
			return path
		}
	}
	Skip(t, "needs %s, which is not installed", strings.Join(names, " or "))
	return ""
}

func find(name string) (string, bool) {
	candidates := []string{name}
	if !strings.ContainsRune(name, filepath.Separator) {
		candidates = append(candidates, "/usr/local/sbin/"+name, "/usr/sbin/"+name, "/sbin/"+name)
	}
	for _, c := range candidates {
		path, err := exec.LookPath(c)
		if err != nil {
			continue
		}
		if abs, err := filepath.Abs(path); err == nil {
			return abs, true
		}
	}
	return "", false
}
