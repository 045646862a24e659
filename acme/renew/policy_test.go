package renew_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/renew"
)

var begin = time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)

// lived is the state of a certificate that began then, and was asked about.
func lived(life time.Duration) renew.State {
	return renew.State{CertID: "c", NotBefore: begin, NotAfter: begin.Add(life), Issued: begin, AskAt: begin.Add(400 * day)}
}

func TestPolicyNext(t *testing.T) {
	window := func(id string, start, selected, end time.Duration) func(*renew.State) {
		return func(s *renew.State) {
			s.ARI = renew.Window{CertID: id, Start: begin.Add(start), Selected: begin.Add(selected), End: begin.Add(end)}
		}
	}
	tests := []struct {
		name   string
		life   time.Duration
		change func(*renew.State)
		now    time.Duration // after begin
		want   time.Duration // RenewAt, after begin
	}{
		{name: "90 days", life: 90 * day, want: 60 * day},
		{name: "47 days", life: 47 * day, want: 47 * day * 2 / 3},
		{name: "45 days", life: 45 * day, want: 30 * day},
		{name: "10 days", life: 10 * day, want: 10 * day * 2 / 3},
		{name: "6 days", life: 6 * day, want: 3 * day},
		{name: "6 days, backdated by an hour", life: 6 * day, change: func(s *renew.State) { s.Issued = begin.Add(time.Hour) }, want: 3 * day},
		{name: "a window", life: 90 * day, change: window("c", 50*day, 51*day, 52*day), want: 51 * day},
		{name: "another's window", life: 90 * day, change: window("d", 50*day, 51*day, 52*day), want: 60 * day},
		{name: "a window that ends before it starts", life: 90 * day, change: window("c", 52*day, 51*day, 50*day), want: 60 * day},
		{name: "a moment outside of its window", life: 90 * day, change: window("c", 50*day, 49*day, 52*day), want: 60 * day},
		{name: "a window of long ago", life: 90 * day, change: window("c", -9*day, -8*day, -7*day), want: 60 * day},
		{name: "a late window", life: 90 * day, change: window("c", 86*day, 88*day, 89*day), want: 90*day - 108*time.Hour},
		{name: "a window at once", life: 90 * day, change: window("c", -day, time.Hour, 2*day), want: day},
		{name: "a window at once again", life: 90 * day, change: func(s *renew.State) {
			window("c", -day, time.Hour, 2*day)(s)
			s.Early = 3
		}, want: 8 * day},
		{name: "a window at once for the thousandth time", life: 90 * day, change: func(s *renew.State) {
			window("c", -day, time.Hour, 2*day)(s)
			s.Early = 1000
		}, want: 45 * day},
		{name: "failed once", life: 90 * day, now: 60 * day, change: failed(1, 60*day, 0), want: 60*day + time.Minute},
		{name: "failed twice", life: 90 * day, now: 60 * day, change: failed(2, 60*day, 0), want: 60*day + 10*time.Minute},
		{name: "failed three times", life: 90 * day, now: 60 * day, change: failed(3, 60*day, 0), want: 60*day + 100*time.Minute},
		{name: "failed often", life: 90 * day, now: 60 * day, change: failed(1<<40, 60*day, 0), want: 61 * day},
		{name: "failed often, hours are left", life: 90 * day, now: 89 * day, change: failed(9, 89*day, 0), want: 89*day + 3*time.Hour},
		{name: "failed often, it is over", life: 90 * day, now: 91 * day, change: failed(9, 91*day, 0), want: 91*day + 15*time.Minute},
		{name: "failed, the authority wants rest", life: 90 * day, now: 60 * day, change: failed(1, 60*day, 5*time.Hour), want: 60*day + 5*time.Hour},
		{name: "failed, the authority wants a year", life: 90 * day, now: 60 * day, change: failed(1, 60*day, 365*day), want: 61 * day},
		{name: "failed in the future", life: 90 * day, now: 60 * day, change: failed(4, 500*day, 0), want: 60 * day},
		{name: "issued in the future", life: 90 * day, now: 60 * day, change: func(s *renew.State) { s.Issued = begin.Add(500 * day) }, want: 60 * day},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, p := lived(tt.life), renew.Policy{Jitter: -1}
			if tt.change != nil {
				tt.change(&s)
			}
			plan := p.Next(s, begin.Add(tt.now))
			// A wait is up to a tenth longer, so that not all come back together.
			slack := time.Duration(0)
			if s.Failures > 0 && tt.want > tt.now {
				slack = (tt.want - tt.now) / 10
			}
			require.WithinRange(t, plan.RenewAt, begin.Add(tt.want), begin.Add(tt.want+slack))
			require.Equal(t, !plan.RenewAt.After(begin.Add(tt.now)), plan.Renew)
			require.False(t, plan.Next.Before(begin.Add(tt.now)))
			require.NotEmpty(t, plan.Why)
			require.Equal(t, plan, p.Next(s, begin.Add(tt.now)))
			jittered := renew.Policy{}.Next(s, begin.Add(tt.now)).RenewAt
			require.WithinRange(t, jittered, plan.RenewAt.Add(-tt.life/50), plan.RenewAt)
		})
	}
}

func failed(n int, at, wait time.Duration) func(*renew.State) {
	return func(s *renew.State) { s.Failures, s.Tried, s.Wait = n, begin.Add(at), wait }
}

func TestPolicyNothing(t *testing.T) {
	plan := renew.Policy{}.Next(renew.State{}, begin)
	require.True(t, plan.Renew)
	require.False(t, plan.Ask)
	require.Equal(t, begin, plan.Next)
	s := lived(90 * day)
	s.Stale = "other names"
	require.True(t, renew.Policy{}.Next(s, begin).Renew)
}

// The moment is chosen once for a window, and again when it moved away.
func TestPolicyAnswer(t *testing.T) {
	s, p := lived(90*day), renew.Policy{}
	info := acme.RenewalInfo{CertID: "c", Start: begin.Add(50 * day), End: begin.Add(52 * day), RetryAfter: 6 * time.Hour}
	s = p.Answer(s, info, begin)
	first := s.ARI.Selected
	require.WithinRange(t, first, info.Start, info.End)
	require.WithinRange(t, s.AskAt, begin.Add(6*time.Hour), begin.Add(6*time.Hour+36*time.Minute))
	for range 20 {
		s = p.Answer(s, info, begin)
		require.Equal(t, first, s.ARI.Selected)
	}
	info.Start, info.End = begin.Add(20*day), begin.Add(21*day)
	s = p.Answer(s, info, begin)
	require.WithinRange(t, s.ARI.Selected, info.Start, info.End)
	kept := s.ARI
	for name, bad := range map[string]acme.RenewalInfo{
		"another's": {CertID: "d", Start: begin, End: begin.Add(day)},
		"backwards": {CertID: "c", Start: begin.Add(day), End: begin},
		"long ago":  {CertID: "c", Start: begin.Add(-2 * day), End: begin.Add(-day)},
		"empty":     {},
	} {
		require.Equal(t, kept, p.Answer(s, bad, begin).ARI, name)
	}
	require.Equal(t, kept, p.NoAnswer(s, begin).ARI)
	// A clock that was wrong must not keep us from asking.
	s.AskAt = begin.Add(1000 * day)
	require.True(t, p.Next(s, begin).Ask)
}

func TestBudget(t *testing.T) {
	b := renew.Budget{N: 5, Per: 7 * day}
	now, spent := begin, time.Time{}
	for range 5 {
		var wait time.Duration
		spent, wait = b.Take(spent, now)
		require.Zero(t, wait)
	}
	same, wait := b.Take(spent, now)
	require.Equal(t, spent, same)
	require.Equal(t, 7*day/5, wait)
	_, wait = b.Take(spent, now.Add(7*day/5))
	require.Zero(t, wait)
	// A clock that was wrong by years costs no more than the whole budget.
	_, wait = b.Take(now.Add(1000*day), now)
	require.Equal(t, 7*day/5, wait)
	_, wait = b.Take(now.Add(-1000*day), now)
	require.Zero(t, wait)
}

func TestCheckName(t *testing.T) {
	for _, n := range []string{"example.org", "1", "_account", "a_b-c"} {
		require.NoError(t, renew.CheckName(n))
	}
}
