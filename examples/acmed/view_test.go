package main

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/renew"
)

func TestWords(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) time.Time { return now.Add(d) }
	base := view{Certificate: "www", Configured: true, Names: []string{"a.example", "*.a.example"}, Dir: "/certs/www", NotAfter: in(30 * 24 * time.Hour), Renew: in(36 * time.Hour), Why: "because"}
	for _, tt := range []struct {
		name   string
		change func(*view)
		want   string
	}{
		{"well", func(*view) {}, `www: valid until 2026-03-31T12:00:00Z, in 30 days
  for a.example *.a.example
  next renewal at 2026-03-03T00:00:00Z, in 36 hours: because
  in /certs/www`},
		{"expired, with an error", func(v *view) {
			v.NotAfter, v.Renew, v.Failures, v.Tried, v.LastError = in(-time.Hour), in(-time.Hour), 1, in(-time.Minute), "a\nb\x1b[2J\xff"
		}, `www: EXPIRED at 2026-03-01T11:00:00Z
  for a.example *.a.example
  to be renewed now: because
  failed once, last at 2026-03-01T11:59:00Z: a; b` + "\ufffd[2J\ufffd" + `
  in /certs/www`},
		{"not configured", func(v *view) { v.Configured = false }, `www: valid until 2026-03-31T12:00:00Z, in 30 days
  for a.example *.a.example
  is not configured: nobody renews it
  in /certs/www`},
		{"none", func(v *view) { v.Dir, v.Renew, v.Why = "", time.Time{}, "there is none" }, `www: there is no certificate yet
  for a.example *.a.example
  to be renewed now: there is none`},
		{"explained, deployed", func(v *view) {
			v.Explanation, v.Deploy, v.Renew = "https://ca/\n", &deployView{At: in(-time.Hour)}, in(time.Minute)
		}, `www: valid until 2026-03-31T12:00:00Z, in 30 days
  for a.example *.a.example
  next renewal at 2026-03-01T12:01:00Z, in 1 minutes: because
  the authority explains its window at "https://ca/\n"
  deployed at 2026-03-01T11:00:00Z
  in /certs/www`},
		{"waits to be deployed", func(v *view) { v.Deploy = &deployView{Pending: true} }, `www: valid until 2026-03-31T12:00:00Z, in 30 days
  for a.example *.a.example
  next renewal at 2026-03-03T00:00:00Z, in 36 hours: because
  not deployed yet
  in /certs/www`},
		{"not deployed", func(v *view) { v.Deploy = &deployView{Pending: true, Failures: 3, Error: "exit status 1"} }, `www: valid until 2026-03-31T12:00:00Z, in 30 days
  for a.example *.a.example
  next renewal at 2026-03-03T00:00:00Z, in 36 hours: because
  NOT DEPLOYED, failed 3 times: exit status 1
  in /certs/www`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := base
			tt.change(&v)
			require.Equal(t, tt.want, v.words(now))
		})
	}
}

// The status is the store's: of what is configured, what is not, and what was put there
// by hand or can not be read.
func TestViews(t *testing.T) {
	make := issuer(t)
	dir := t.TempDir()
	files := &renew.FileStore{Dir: filepath.Join(dir, "certs")}
	cfg := &config{Certificates: []certificateConfig{
		{Name: "a", Names: []string{"a.example"}}, {Name: "b", Names: []string{"b.example"}, Deploy: []string{"/bin/true"}},
	}}
	cfg.State = dir
	s := &store{Store: files, files: files}
	require.NoError(t, files.Commit(t.Context(), "a", make("a.example")))
	require.NoError(t, files.Commit(t.Context(), "other", make("other.example")))
	require.NoError(t, files.SaveState(t.Context(), "a", []byte("{rubbish")))
	text, err := json.Marshal(renew.State{Failures: 2, Tried: time.Now(), LastError: "no luck"})
	require.NoError(t, err)
	require.NoError(t, files.SaveState(t.Context(), "b", text))

	all, err := views(t.Context(), cfg, s, nil)
	require.NoError(t, err)
	require.Len(t, all, 3)
	a, b, other := all[0], all[1], all[2]
	require.True(t, a.Configured && b.Configured && !other.Configured)
	require.WithinDuration(t, a.NotBefore.Add(60*24*time.Hour), a.Renew, 3*24*time.Hour)
	require.Nil(t, a.Deploy)
	require.Empty(t, b.Dir)
	require.Equal(t, 2, b.Failures)
	require.Equal(t, "no luck", b.LastError)
	require.Equal(t, "waits after a failure", b.Why)
	require.False(t, b.Deploy.Pending, "there is nothing to deploy")
	require.Equal(t, []string{"other.example"}, other.Names)
	require.Zero(t, other.Renew)

	require.NoError(t, files.Commit(t.Context(), "b", make("b.example")))
	one, err := views(t.Context(), cfg, s, []string{"b"})
	require.NoError(t, err)
	require.True(t, one[0].Deploy.Pending)
	_, err = views(t.Context(), cfg, s, []string{"none"})
	require.ErrorContains(t, err, `certificate "none" is not configured`)
}

// Who waits hears of the next outcome, and nobody else's.
func TestEvents(t *testing.T) {
	e := newEvents()
	tell := func(name string, kind renew.Kind, err error) { e.tell(renew.Event{Name: name, Kind: kind, Err: err}) }
	ev, err := e.await(t.Context(), "a", func() error {
		tell("b", renew.Issued, nil)
		tell("a", renew.Scheduled, nil)
		tell("a", renew.Renewed, nil)
		tell("a", renew.Failed, errors.New("later"))
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, renew.Renewed, ev.Kind)
	refused := errors.New("refused")
	_, err = e.await(t.Context(), "a", func() error { tell("a", renew.Failed, refused); return nil })
	require.ErrorIs(t, err, refused)
	_, err = e.await(t.Context(), "a", func() error { return refused })
	require.ErrorIs(t, err, refused)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = e.await(ctx, "a", func() error { cancel(); return nil })
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, e.waiting, "nobody waits any more")
}

func TestLabel(t *testing.T) {
	require.Equal(t, "a\ufffdb", label("a\xffb"))
	long := label(string(make([]byte, 10*maxLabel)))
	require.LessOrEqual(t, len(long), maxLabel+len("…"))
}

func TestFlagsLast(t *testing.T) {
	require.Equal(t, []string{"-reason", "x", "www"}, flagsLast([]string{"www", "-reason", "x"}))
	require.Equal(t, []string{"-reason", "x", "www"}, flagsLast([]string{"-reason", "x", "www"}))
	require.Equal(t, []string{"www"}, flagsLast([]string{"www"}))
}
