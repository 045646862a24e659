package demo_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/demo"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// A watcher that is slow is told of each thing once, whatever happened to it meanwhile.
func TestNewsCoalesce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n demo.News
		ctx, cancel := context.WithCancel(t.Context())
		held := make(chan struct{})
		var mu sync.Mutex
		counts := make(map[model.Change]int)
		var watching sync.WaitGroup
		watching.Go(func() {
			err := n.Watch(ctx, func(c model.Change) {
				mu.Lock()
				counts[c]++
				mu.Unlock()
				<-held
			})
			if err != context.Canceled { //nolint:errorlint // this very one
				t.Errorf("watch returns %v", err)
			}
		})
		synctest.Wait()
		n.Tell(model.PiKind, "pi-00")
		synctest.Wait() // it is slow with that one
		for range 1000 {
			for i := range 10 {
				n.Tell(model.PiKind, fmt.Sprintf("pi-%02d", i))
			}
			n.Tell(model.SiteKind, "pi-03")
		}
		close(held)
		synctest.Wait()
		mu.Lock()
		require.Len(t, counts, 11)
		for c, times := range counts {
			want := 1
			if c == (model.Change{Kind: model.PiKind, Name: "pi-00"}) {
				want = 2
			}
			require.Equal(t, want, times, "%v", c)
		}
		mu.Unlock()
		cancel()
		watching.Wait()
		n.Tell(model.PiKind, "pi-00") // nobody listens
	})
}

// Each of several watchers is told.
func TestNewsForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n demo.News
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		heard := make([]int, 20)
		var mu sync.Mutex
		var watching sync.WaitGroup
		for i := range heard {
			watching.Go(func() {
				_ = n.Watch(ctx, func(model.Change) {
					mu.Lock()
					defer mu.Unlock()
					heard[i]++
				})
			})
		}
		synctest.Wait()
		n.Tell(model.DomainKind, "alice-shop.example")
		synctest.Wait()
		cancel()
		watching.Wait()
		for i, times := range heard {
			require.Equal(t, 1, times, "watcher %d", i)
		}
	})
}
