package filekv_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/filekv"
	"github.com/mythic-beasts/hostkit/internal/kvtest"
	"github.com/stretchr/testify/require"
)

func backend(poll time.Duration) kvtest.Backend {
	var dir string
	return kvtest.Backend{
		New: func(t *testing.T) kvtest.Opener {
			dir = filepath.Join(t.TempDir(), "store")
			return func() (kvtest.Store, error) {
				s, err := filekv.New(dir)
				if err == nil {
					filekv.SetPoll(s, poll)
				}
				return s, err
			}
		},
		Lose: func(t *testing.T, name string) {
			require.NoError(t, os.Remove(filepath.Join(dir, ".store/locks", filekv.FileName(name))))
		},
	}
}

func TestStore(t *testing.T) { kvtest.Test(t, backend(0)) }

// TestPolling is for systems where the kernel tells of no changes, and for Linux when it
// has no watches left.
func TestPolling(t *testing.T) { kvtest.Test(t, backend(20*time.Millisecond)) }
