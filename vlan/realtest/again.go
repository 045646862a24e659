package realtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// insideEnv is set for tests that run in a guest.
const insideEnv = "HOSTKIT_INSIDE_GUEST"

// Inside runs body in a guest: the test that calls it is built once more, without
// the race detector and without cgo, and run there alone. Out here it passes
// when it passes in there.
//
//	func TestBridge(t *testing.T) {
//		realtest.Guest{Modules: []string{"bridge"}}.Inside(t, func(t *testing.T) {
//			// root in a kernel of one's own
//		})
//	}
//
// The test must be one of its package's top level, and what it does before it
// calls Inside happens in both places.
func (g Guest) Inside(t *testing.T, body func(t *testing.T)) {
	t.Helper()
	if os.Getenv(insideEnv) == "1" {
		body(t)
		return
	}
	peer.Look(t, "linux.uml", "linux")
	goTool := peer.Look(t, "go")
	dir, err := os.MkdirTemp("", "guest")
	if err != nil {
		t.Fatalf("realtest: folder of the test: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	binary := filepath.Join(dir, "inside.test")
	build := exec.Command(goTool, "test", "-c", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("realtest: build the test for the guest: %v: %s", err, out)
	}
	out := g.Run(t, insideEnv+"=1 GOMAXPROCS=1 "+peer.RequireEnv+"=1 '"+binary+"' -test.v -test.run '^"+
		regexp.QuoteMeta(t.Name())+"$'\n")
	t.Logf("in the guest:\n%s", out)
}
