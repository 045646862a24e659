package dns01_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/dns01"
)

// service is a DNS service in memory whose requests take time, and whose changes are
// seen after some more.
type service struct {
	latency, propagation time.Duration
	bad                  func(dns01.TXT) error

	mu      sync.Mutex
	seen    map[string]time.Time // by name and value
	adds    []int                // how many records each request had
	deletes []int
	looks   []time.Time
	ended   int // requests whose context ended
}

func (s *service) AddTXT(ctx context.Context, records ...dns01.TXT) error {
	return s.request(ctx, &s.adds, records, func(k string) { s.seen[k] = time.Now().Add(s.propagation) })
}

func (s *service) DeleteTXT(ctx context.Context, records ...dns01.TXT) error {
	return s.request(ctx, &s.deletes, records, func(k string) { delete(s.seen, k) })
}

func (s *service) request(ctx context.Context, log *[]int, records []dns01.TXT, change func(string)) error {
	select {
	case <-time.After(s.latency):
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ended++
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	*log = append(*log, len(records))
	for _, r := range records {
		if s.bad != nil {
			if err := s.bad(r); err != nil {
				return err
			}
		}
	}
	if s.seen == nil {
		s.seen = make(map[string]time.Time)
	}
	for _, r := range records {
		change(r.Name + " " + r.Value)
	}
	return nil
}

func (s *service) ZoneOf(context.Context, string) (string, error) { return "example.com.", nil }

func (s *service) Visible(_ context.Context, r dns01.TXT) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks = append(s.looks, time.Now())
	at, ok := s.seen[r.Name+" "+r.Value]
	return ok && !time.Now().Before(at), nil
}

func (s *service) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

// all runs challenges at once, and returns the error of each.
func all(ctx context.Context, s *dns01.Solver, n int) []error {
	errs := make([]error, n)
	var orders sync.WaitGroup
	for i := range n {
		orders.Go(func() { errs[i] = whole(ctx, s, challenge(fmt.Sprintf("h%d.example.com", i), "v")) })
	}
	orders.Wait()
	return errs
}

func whole(ctx context.Context, s *dns01.Solver, ch acme.Challenge) error {
	p, err := s.Present(ctx, ch)
	if err != nil {
		return err
	}
	return errors.Join(p.Ready(ctx), p.CleanUp(ctx))
}

// A thousand challenges of a zone are few requests and one wait.
func TestCoalescing(t *testing.T) {
	for what, test := range map[string]struct {
		coalesce dns01.Coalesce
		adds     []int
	}{
		"by itself":   {dns01.Coalesce{}, []int{250, 250, 250, 249, 1}},
		"in a window": {dns01.Coalesce{Window: 50 * time.Millisecond, Max: 1000}, []int{1000}},
		"one by one":  {dns01.Coalesce{Max: 1}, slices.Repeat([]int{1}, 1000)},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := &service{latency: 100 * time.Millisecond, propagation: 20 * time.Second}
				s := &dns01.Solver{Provider: api, Verifier: api, Coalesce: test.coalesce}
				for _, err := range all(t.Context(), s, 1000) {
					require.NoError(t, err)
				}
				if what == "by itself" { // the first goes alone, or with those that are as fast
					require.LessOrEqual(t, len(api.adds), 5)
					require.LessOrEqual(t, len(api.deletes), 50)
				} else {
					require.Equal(t, test.adds, api.adds)
				}
				if what == "in a window" {
					require.LessOrEqual(t, len(api.looks), 1000+10, "one look at most of each beside those of the loop")
					require.Equal(t, []int{1000}, api.deletes)
				}
				require.Zero(t, api.left())
			})
		})
	}
}

// 1 s between looks, which grows to 5 s.
func TestPollingGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		api := &service{propagation: 18 * time.Second}
		s := &dns01.Solver{Provider: api, Verifier: api}
		require.NoError(t, whole(t.Context(), s, challenge("example.com", "v")))
		var at []time.Duration
		for _, look := range api.looks {
			at = append(at, look.Sub(start))
		}
		require.Equal(t, []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second, 12 * time.Second, 17 * time.Second, 22 * time.Second}, at)
	})
}

func TestDelayIsBeforeTheFirstLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		api := &service{}
		s := &dns01.Solver{Provider: api, Verifier: api, Delay: time.Minute}
		require.NoError(t, whole(t.Context(), s, challenge("example.com", "v")))
		require.Equal(t, []time.Time{start.Add(time.Minute)}, api.looks)
	})
}

func TestTimeoutIsFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		api := &service{propagation: time.Hour}
		s := &dns01.Solver{Provider: api, Verifier: api}
		err := whole(t.Context(), s, challenge("example.com", "v"))
		require.ErrorIs(t, err, dns01.ErrNotVisible)
		require.Equal(t, 5*time.Minute, time.Since(start))
		require.Zero(t, api.left())
	})
}

// One record that never appears does not hold the others of its zone up, and who
// comes later does not wait for a whole interval.
func TestOneInvisibleRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &service{}
		s := &dns01.Solver{Provider: api, Verifier: except{api, "never"}}
		start := time.Now()
		never := make(chan error, 1)
		go func() { never <- whole(t.Context(), s, challenge("example.com", "never")) }()
		synctest.Wait()
		for _, err := range all(t.Context(), s, 50) {
			require.NoError(t, err)
		}
		require.Less(t, time.Since(start), 3*time.Second)
		require.ErrorIs(t, <-never, dns01.ErrNotVisible)
		require.Zero(t, api.left())
	})
}

type except struct {
	dns01.Verifier
	value string
}

func (e except) Visible(ctx context.Context, r dns01.TXT) (bool, error) {
	if r.Value == e.value {
		return false, errors.New("no server has it")
	}
	return e.Verifier.Visible(ctx, r)
}

// One bad name of a batch fails alone.
func TestBadNameFailsAlone(t *testing.T) {
	for _, bad := range [][]string{{"h0"}, {"h57"}, {"h99"}, {"h1", "h2", "h3", "h50", "h99"}} {
		t.Run(fmt.Sprint(bad), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				errBad := errors.New("the key may not change it")
				api := &service{latency: time.Millisecond, bad: func(r dns01.TXT) error {
					for _, host := range bad {
						if r.Name == "_acme-challenge."+host+".example.com." {
							return errBad
						}
					}
					return nil
				}}
				s := &dns01.Solver{Provider: api, Verifier: api, Coalesce: dns01.Coalesce{Window: time.Second}}
				for i, err := range all(t.Context(), s, 100) {
					if slices.Contains(bad, fmt.Sprintf("h%d", i)) {
						require.ErrorIs(t, err, errBad)
					} else {
						require.NoError(t, err)
					}
				}
				require.LessOrEqual(t, len(api.adds), 1+16*len(bad))
				require.Zero(t, api.left())
			})
		})
	}
}

// When nothing works, that is found out by few requests.
func TestOutageNeedsFewRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errDown := errors.New("503")
		api := &service{bad: func(dns01.TXT) error { return errDown }}
		s := &dns01.Solver{Provider: api, Verifier: api, Coalesce: dns01.Coalesce{Window: time.Second}}
		for _, err := range all(t.Context(), s, 250) {
			require.ErrorIs(t, err, errDown)
		}
		require.LessOrEqual(t, len(api.adds), 25)
		require.LessOrEqual(t, len(api.deletes), 25)
	})
}

// A clean-up that fails is tried again, for a while.
func TestCleanUpIsTriedAgain(t *testing.T) {
	for _, tt := range []struct {
		failures int
		fails    bool
	}{{0, false}, {2, false}, {3, true}} {
		synctest.Test(t, func(t *testing.T) {
			var broken int
			errDown := errors.New("401")
			api := &service{bad: func(dns01.TXT) error {
				if broken > 0 {
					broken--
					return errDown
				}
				return nil
			}}
			s := &dns01.Solver{Provider: api, Verifier: api}
			p := present(t, s, challenge("example.com", "v"))
			broken = tt.failures
			start := time.Now()
			err := p.CleanUp(t.Context())
			require.Equal(t, tt.fails, err != nil)
			require.Equal(t, tt.fails, api.left() > 0)
			require.Equal(t, min(tt.failures+1, 3), len(api.deletes))
			require.Less(t, time.Since(start), 2*time.Second)
		})
	}
}

// A request that nobody waits for ends; one that others share goes on.
func TestCancelledWhileAdding(t *testing.T) {
	for _, others := range []int{0, 3} {
		t.Run(fmt.Sprint(others, " others"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := &service{latency: 10 * time.Second}
				s := &dns01.Solver{Provider: api, Verifier: api, Coalesce: dns01.Coalesce{Window: time.Second}}
				ctx, cancel := context.WithCancel(t.Context())
				errs := make(chan error)
				go func() { errs <- whole(ctx, s, challenge("example.com", "v")) }()
				rest := make(chan []error)
				go func() { rest <- all(t.Context(), s, others) }()
				<-time.After(5 * time.Second)
				cancel()
				require.ErrorIs(t, <-errs, context.Canceled)
				for _, err := range <-rest {
					require.NoError(t, err)
				}
				if others == 0 {
					require.Equal(t, 1, api.ended)
				} else {
					require.Zero(t, api.ended)
				}
				require.Zero(t, api.left())
			})
		})
	}
}

// One that is still in the queue is taken back without a request.
func TestCancelledInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &service{}
		s := &dns01.Solver{Provider: api, Verifier: api, Coalesce: dns01.Coalesce{Window: time.Hour}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := s.Present(ctx, challenge("example.com", "v"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Empty(t, api.adds)
	})
}

// An order that shares its value with one that ends while adding adds it itself.
func TestSharedValueSurvivesCancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &service{latency: 10 * time.Second}
		s := &dns01.Solver{Provider: api, Verifier: api}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		errs := make(chan error)
		go func() { errs <- whole(ctx, s, challenge("example.com", "same")) }()
		synctest.Wait()
		require.NoError(t, whole(t.Context(), s, challenge("example.com", "same")))
		require.ErrorIs(t, <-errs, context.DeadlineExceeded)
		require.Zero(t, api.left())
	})
}
