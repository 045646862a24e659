package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/renew"
	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

// nothing is a solver for an authority that looks at nothing.
type nothing struct{}

func (nothing) Present(context.Context, acme.Challenge) (acme.Presented, error) {
	return nothing{}, nil
}
func (nothing) Ready(context.Context) error   { return nil }
func (nothing) CleanUp(context.Context) error { return nil }

// issuer makes certificates.
func issuer(t *testing.T) func(names ...string) *renew.Bundle {
	t.Helper()
	ca := acmetest.NewCA(t, acmetest.CAOptions{InMemory: true})
	key, err := acme.NewKey(acme.EC256)
	require.NoError(t, err)
	client := &acme.Client{Directory: ca.URL(), HTTP: ca.HTTPClient(), Key: key, Poll: acme.PollPolicy{First: time.Millisecond}}
	return func(names ...string) *renew.Bundle {
		cert, err := client.Obtain(t.Context(), acme.Request{Names: names}, nothing{})
		require.NoError(t, err)
		return &renew.Bundle{KeyPEM: cert.KeyPEM, ChainPEM: cert.ChainPEM}
	}
}

// bench is a deployer with a store in files.
type bench struct {
	*deployer
	t     *testing.T
	cfg   *config
	files *renew.FileStore
	out   string
}

func newBench(t *testing.T, script string) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{t: t, out: filepath.Join(dir, "out"), files: &renew.FileStore{Dir: filepath.Join(dir, "certs")}}
	path := filepath.Join(dir, "deploy")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\nOUT="+b.out+"\n"+script), 0o700))
	b.cfg = &config{
		Deploy:       deployConfig{Timeout: daemon.Duration(time.Minute), Backoff: []daemon.Duration{daemon.Duration(time.Hour)}},
		Certificates: []certificateConfig{{Name: "a", Names: []string{"a.example"}, Deploy: []string{path}}},
	}
	b.deployer = newDeployer(filepath.Join(dir, "state"), &store{Store: b.files, files: b.files}, 4, slog.New(slog.DiscardHandler), func() *config { return b.cfg })
	return b
}

func (b *bench) read() string {
	text, _ := os.ReadFile(b.out)
	return string(text)
}

func (b *bench) advance(hurry bool) (time.Duration, error) {
	return b.deployer.advance(b.t.Context(), "a", hurry)
}

// What is stored is deployed once, and what is stored next again, whoever stored it.
func TestDeployerCompares(t *testing.T) {
	make := issuer(t)
	b := newBench(t, "echo $ACMED_NOT_AFTER >>$OUT")
	again, err := b.advance(true)
	require.NoError(t, err)
	require.Zero(t, again)
	require.Empty(t, b.read(), "there is no certificate")
	for i := range 2 {
		require.NoError(t, b.files.Commit(t.Context(), "a", make("a.example")))
		for range 3 {
			again, err := b.advance(true)
			require.NoError(t, err)
			require.Zero(t, again)
		}
		require.Equal(t, i+1, strings.Count(b.read(), "\n"))
	}
	_, id, err := leaf(t.Context(), b.files, "a")
	require.NoError(t, err)
	require.False(t, b.due("a", id))
	require.True(t, b.due("a", "another"))
	require.NoError(t, os.WriteFile(deploymentFile(b.dir, "a"), []byte(`{"deplo`), 0o600))
	_, err = b.advance(true)
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(b.read(), "\n"), "a file that no one can read is for nothing")
	b.cfg.Certificates = nil
	require.NoError(t, b.files.Commit(t.Context(), "a", make("a.example")))
	_, err = b.advance(true)
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(b.read(), "\n"), "it is configured no more")
}

// After a failure it waits, unless there is a reason not to.
func TestDeployerWaits(t *testing.T) {
	b := newBench(t, "echo x >>$OUT; echo why; exit 7")
	require.NoError(t, b.files.Commit(t.Context(), "a", issuer(t)("a.example")))
	again, err := b.advance(false)
	require.ErrorContains(t, err, `exit status 7: it said "why"`)
	require.Equal(t, time.Hour, again)
	again, err = b.advance(false)
	require.NoError(t, err)
	require.Greater(t, again, 50*time.Minute)
	require.Equal(t, "x\n", b.read())
	_, err = b.advance(true)
	require.Error(t, err)
	require.Equal(t, "x\nx\n", b.read())
	require.Equal(t, 2, b.state("a").Failures)

	// check wakes what waits.
	ctx, cancel := context.WithCancel(t.Context())
	for runs := 3; runs < 6; runs++ {
		b.check(ctx, "a")
		require.Eventually(t, func() bool { return b.state("a").Failures == runs }, patience, 5*time.Millisecond)
	}
	cancel()
	b.wait()
	st, err := loadDeployment(b.dir, "a")
	require.NoError(t, err)
	require.Equal(t, 5, st.Failures)
	require.Empty(t, st.Deployed)
}

// The command of a certificate never runs twice at a time, however often it is called
// for, and the last certificate is deployed in the end.
func TestDeployerInOrder(t *testing.T) {
	b := newBench(t, "mkdir $OUT.d || echo TWICE >>$OUT\necho x >>$OUT\nrmdir $OUT.d")
	make := issuer(t)
	var all sync.WaitGroup
	for range 4 {
		require.NoError(t, b.files.Commit(t.Context(), "a", make("a.example")))
		for range 10 {
			all.Go(func() { b.check(t.Context(), "a") })
		}
	}
	all.Wait()
	b.wait()
	require.NotContains(t, b.read(), "TWICE")
	_, id, err := leaf(t.Context(), b.files, "a")
	require.NoError(t, err)
	st, err := loadDeployment(b.dir, "a")
	require.NoError(t, err)
	require.Equal(t, id, st.Deployed)
	require.LessOrEqual(t, strings.Count(b.read(), "x"), 4)
}

// A command gets little of our environment, and its output is cut and quoted.
func TestCommand(t *testing.T) {
	t.Setenv("ACMED_SECRET", "hunter2")
	t.Setenv("CREDENTIALS_DIRECTORY", "/run/credentials")
	out := filepath.Join(t.TempDir(), "out")
	p := &paths{Name: "a", Names: []string{"a.example", "b.example"}, Key: "/k", NotAfter: time.Unix(0, 0)}
	require.NoError(t, runCommand(t.Context(), []string{"/bin/sh", "-c", "{ env; pwd; } >" + out}, p, time.Minute))
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	require.NotContains(t, string(text), "hunter2")
	require.NotContains(t, string(text), "CREDENTIALS")
	require.Contains(t, string(text), "ACMED_NAMES=a.example b.example\n")
	require.Contains(t, string(text), "ACMED_NOT_AFTER=1970-01-01T00:00:00Z\n")
	require.Contains(t, string(text), "\n/\n")

	err = runCommand(t.Context(), []string{"/bin/sh", "-c", `head -c 100000 /dev/zero | tr '\0' x; printf '\033end'; exit 1`}, p, time.Minute)
	require.ErrorContains(t, err, `xx\x1bend"`)
	require.Less(t, len(err.Error()), 2*maxOutput)
	require.ErrorContains(t, runCommand(t.Context(), []string{"/nonexistent"}, p, time.Minute), "no such file")
	err = runCommand(t.Context(), []string{"/bin/sh", "-c", "trap '' TERM; sleep 1000"}, p, 50*time.Millisecond)
	require.ErrorContains(t, err, "took longer than 50ms")
}

// A key is made once, whoever is first, and no file is left beside it.
func TestEnsureKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "k")
	var all sync.WaitGroup
	keys := make([]acme.Certificate, 8)
	for i := range keys {
		all.Go(func() {
			key, err := ensureKey(path, acme.EC256)
			if err == nil {
				keys[i].KeyPEM, err = acme.MarshalKey(key)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, k := range keys {
		require.Equal(t, keys[0].KeyPEM, k.KeyPEM)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.NoError(t, os.WriteFile(path, []byte("rubbish"), 0o600))
	_, err = ensureKey(path, acme.EC256)
	require.ErrorContains(t, err, "no private key in PEM")
	require.NotContains(t, err.Error(), "rubbish")
}

// A copy in files follows a store that several machines share.
func TestCopyOut(t *testing.T) {
	make := issuer(t)
	shared, files := &renew.FileStore{Dir: filepath.Join(t.TempDir(), "shared")}, &renew.FileStore{Dir: filepath.Join(t.TempDir(), "files")}
	s := &store{Store: shared, files: files, shared: true}
	require.Error(t, s.copyOut(t.Context(), "a"), "there is nothing to copy")
	for range 2 {
		b := make("a.example")
		require.NoError(t, shared.Commit(t.Context(), "a", b))
		for range 2 {
			require.NoError(t, s.copyOut(t.Context(), "a"))
		}
		got, err := files.Load(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, b.KeyPEM, got.KeyPEM)
	}
	versions, err := filepath.Glob(filepath.Join(files.Dir, "a", "0*"))
	require.NoError(t, err)
	require.Len(t, versions, 2, "what is there is not written again")
}

// The budget of each account is its own.
func TestAccountStore(t *testing.T) {
	files := &renew.FileStore{Dir: filepath.Join(t.TempDir(), "certs")}
	for i, name := range []string{"a", "b"} {
		s := accountStore{files, name}
		held, unlock, err := s.Lock(t.Context(), ledger)
		require.NoError(t, err)
		require.NoError(t, s.SaveState(held, ledger, fmt.Append(nil, i)))
		require.NoError(t, unlock())
	}
	for i, name := range []string{"a", "b"} {
		text, err := accountStore{files, name}.LoadState(t.Context(), ledger)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(i), string(text))
	}
	require.NoError(t, accountStore{files, "a"}.SaveState(t.Context(), "x", []byte("{}")))
	_, err := accountStore{files, "b"}.LoadState(t.Context(), "x")
	require.NoError(t, err, "certificates are everybody's")
}
