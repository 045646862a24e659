package manager_test

import (
	"errors"
	"fmt"
	"hash/fnv"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec/manager"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/stretchr/testify/require"
)

// A process dies before or after each operation that changes something, in each
// procedure; the next one takes up where it was, before caches that keep all.
func TestDiesAnywhere(t *testing.T) {
	for _, tt := range procedures {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := policy()
			if tt.policy != nil {
				tt.policy(&p)
			}
			begun := newWorld(t)
			require.NoError(t, begun.m.SetZone(t.Context(), contents(t, 1, "")))
			begin := func(t *testing.T, w *world) error { return w.m.Enable(t.Context(), origin, p) }
			if tt.begin != nil {
				require.NoError(t, begin(t, begun))
				begun.until("signed")
				begin = tt.begin
			}
			step, first := sample(tt.name)
			for n := first; ; n += step {
				died := false
				for _, after := range []bool{false, true} {
					where := fmt.Sprintf("operation %d, after %v", n, after)
					w := begun.clone(t)
					w.dieAt, w.after = n, after
					w.insist(where, func() error { return begin(t, w) })
					st := w.until(tt.phase)
					require.Len(t, st.Keys, tt.keys, where)
					require.Len(t, w.keys, tt.keys, where)
					require.Equal(t, w.saved.Serial(), st.Serial, where)
					require.Equal(t, w.saved.Serial(), w.published[len(w.published)-1].Serial(), where)
					require.Len(t, w.saved.RRset(w.saved.Origin(), dns.TypeDNSKEY), tt.keys-standby(st), where)
					died = died || w.ops >= w.dieAt
				}
				if !died {
					require.Greater(t, n, 5)
					return
				}
			}
		})
	}
}

// sample is how many operations are skipped, and where to begin: all of them in a plain
// run, and a part where each takes longer, another one for each procedure.
func sample(name string) (step, first int) {
	if !testing.Short() && !raceDetector {
		return 1, 1
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return 4, 1 + int(h.Sum32()%4)
}

// insist does what an operator does: again, until it worked. If it worked before the
// process died, there is nothing to do again.
func (w *world) insist(where string, fn func() error) {
	for range 3 {
		err := fn()
		if !w.dead {
			if !errors.Is(err, rotate.ErrNothing) {
				require.NoError(w.t, err, where)
			}
			return
		}
		w.resume()
	}
	require.Fail(w.t, "it never works", where)
}

// standby counts keys that are not in the zone.
func standby(st manager.Status) (n int) {
	for _, k := range st.Keys {
		if k.Use == rotate.Standby {
			n++
		}
	}
	return n
}
