package acme_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/stretchr/testify/require"
)

// slow is an authority whose answers take a second, and the most that were under way.
type slow struct {
	mu        sync.Mutex
	now, most int // guarded by mu
}

func (s *slow) authority(t *testing.T) *acmetest.CA {
	t.Helper()
	return acmetest.NewCA(t, acmetest.CAOptions{InMemory: true, Intercept: func(_ http.ResponseWriter, r *http.Request, _ string) bool {
		s.mu.Lock()
		s.now++
		s.most = max(s.most, s.now)
		s.mu.Unlock()
		select {
		case <-time.After(time.Second):
		case <-r.Context().Done():
		}
		s.mu.Lock()
		s.now--
		s.mu.Unlock()
		return r.Context().Err() != nil
	}})
}

// However many orders there are, the authority gets so many requests at once and no
// more, and as few for nonces.
func TestMaxRequests(t *testing.T) {
	for _, tt := range []struct{ limit, orders, want int }{{0, 80, 64}, {-1, 70, 64}, {5, 20, 5}} {
		synctest.Test(t, func(t *testing.T) {
			var s slow
			ca := s.authority(t)
			c := client(t, ca)
			c.MaxRequests = tt.limit
			_, err := c.Register(t.Context())
			require.NoError(t, err)
			var all sync.WaitGroup
			errs := make([]error, tt.orders)
			for i := range errs {
				all.Go(func() {
					_, errs[i] = c.Obtain(t.Context(), acme.Request{Names: []string{fmt.Sprintf("n%d.example", i)}}, new(zone))
				})
			}
			all.Wait()
			require.NoError(t, errors.Join(errs...))
			require.Equal(t, tt.want, s.most)
			require.LessOrEqual(t, ca.Requests(acmetest.CANewNonce), 1+tt.want)
		})
	}
}

// Who waits for a turn can leave.
func TestCancelBeforeItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s slow
		c := client(t, s.authority(t))
		c.MaxRequests = 1
		leaf := leafOf(t, c)
		go func() { _, _ = c.RenewalInfo(t.Context(), leaf) }()
		synctest.Wait()
		errStop := errors.New("stop")
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error)
		go func() {
			_, err := c.RenewalInfo(ctx, leaf)
			done <- err
		}()
		go func() {
			_, err := c.Obtain(ctx, acme.Request{Names: []string{"a.example"}}, new(zone))
			done <- err
		}()
		synctest.Wait()
		start := time.Now()
		cancel(errStop)
		require.ErrorIs(t, <-done, errStop)
		require.ErrorIs(t, <-done, errStop)
		require.Zero(t, time.Since(start))
	})
}
