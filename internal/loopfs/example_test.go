package loopfs_test

import (
	"testing"

	"github.com/mythic-beasts/hostkit/internal/loopfs"
)

// A test on a filesystem with project quotas.
func Example() {
	_ = func(t *testing.T) {
		dir := loopfs.Mount(t, "ext4", loopfs.Options{Format: []string{"-O", "quota,project"}, Mount: "prjquota"})
		_ = dir
	}
}
