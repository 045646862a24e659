package account_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

func TestLogin(t *testing.T) {
	r := newRig(t)
	s, who := r.login("alice")
	require.Equal(t, account.Identity{
		Name: "alice", Role: account.Customer, By: audit.Session, ID: s.ID, From: home, Write: true, Expires: s.Expires,
	}, who)
	require.Equal(t, audit.Password, s.By)
	require.Equal(t, "alice", who.Viewer().Name)
	require.False(t, who.Viewer().Operator)
	_, noc := r.login("noc")
	require.True(t, noc.Viewer().Operator)
	require.Equal(t, audit.Actor{Name: "noc", By: audit.Session, ID: noc.ID, From: home}, noc.Actor())
	require.Len(t, s.Token.Reveal(), 43, "256 bits in base64")

	e := r.latest()
	require.Equal(t, []any{"login", "account", "noc", "noc", audit.Password, audit.Done, home},
		[]any{e.Action, e.Kind, e.Thing, e.Name, e.By, e.Outcome, e.From})
}

// Whoever is refused learns nothing of who has an account, and their words are not kept.
func TestLoginFails(t *testing.T) {
	r := newRig(t)
	require.NoError(t, r.Add(t.Context(), account.System(), "passkeyed", account.Customer, daemon.Secret{}))
	var texts []string
	for _, a := range []struct {
		name     string
		password daemon.Secret
	}{
		{"alice", wrong}, {"alice", daemon.Secret{}}, {"alice", daemon.NewSecret(strings.Repeat("x", 5000))},
		{"nobody", password}, {"passkeyed", password}, {"passkeyed", daemon.Secret{}},
		{"my secret password", wrong}, {strings.Repeat("x", 5000), wrong}, {"", wrong},
	} {
		_, err := r.attempt(a.name, a.password, home, daemon.Secret{})
		require.ErrorIs(t, err, account.ErrLogin)
		texts = append(texts, err.Error())
		e := r.latest()
		require.Equal(t, audit.Denied, e.Outcome)
		require.Empty(t, e.Name, "nobody was known")
		require.Contains(t, []string{"", "alice", "passkeyed"}, e.Thing)
		require.Equal(t, e.Thing, e.Owner, "who has the account sees that somebody tried")
	}
	for _, text := range texts {
		require.Equal(t, texts[0], text)
	}
}

// All logins take a turn at hashing, also those that cannot succeed.
func TestSameWork(t *testing.T) {
	r := newRig(t)
	require.NoError(t, r.Add(t.Context(), account.System(), "passkeyed", account.Customer, daemon.Secret{}))
	empty := r.Fill(false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range []string{"alice", "nobody", "passkeyed", ""} {
		_, err := r.Login(ctx, account.Attempt{Name: name, Password: password, Addr: home})
		require.ErrorIs(t, err, account.ErrBusy, name)
	}
	empty()
	r.login("alice")
}

// Strangers who fill their lane are not in the way of a browser that has logged in before.
func TestOwnLane(t *testing.T) {
	r := newRig(t)
	first, _ := r.login("alice")
	defer r.Fill(false)()
	_, err := r.attempt("alice", password, home, first.Device)
	require.NoError(t, err)
}

// Many at once: a few are hashed, some wait, the rest are told to come back.
func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		empty := r.Fill(false)
		var mu sync.Mutex
		var busy int
		var took []time.Duration
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				began := time.Now()
				addr := netip.AddrFrom4([4]byte{10, 0, byte(i), 1})
				_, err := r.attempt(fmt.Sprint("nobody", i), wrong, addr, daemon.Secret{})
				mu.Lock()
				defer mu.Unlock()
				if took = append(took, time.Since(began)); err != nil && err.Error() == account.ErrBusy.Error() {
					busy++
				}
			})
		}
		wg.Wait()
		empty()
		require.Equal(t, 60, busy)
		var atOnce int
		for _, d := range took {
			if d == 0 {
				atOnce++
			}
			require.LessOrEqual(t, d, 10*time.Second)
		}
		require.Equal(t, 8, atOnce, "52 wait in line")
		r.login("alice")
	})
}

func TestRehash(t *testing.T) {
	file := t.TempDir() + "/accounts.json"
	first, err := account.Open(account.Options{File: file, Hash: cheap})
	require.NoError(t, err)
	require.NoError(t, first.Add(t.Context(), account.System(), "alice", account.Operator, password))
	old := first.Stored("alice")
	require.NoError(t, first.Close())

	dearer := account.Cost{Time: 2, Memory: 128, Threads: 2}
	second, err := account.Open(account.Options{File: file, Hash: dearer})
	require.NoError(t, err)
	defer second.Close()
	_, err = second.Login(t.Context(), account.Attempt{Name: "alice", Password: wrong, Addr: home})
	require.ErrorIs(t, err, account.ErrLogin)
	require.Equal(t, old, second.Stored("alice"))
	_, err = second.Login(t.Context(), account.Attempt{Name: "alice", Password: password, Addr: home})
	require.NoError(t, err)
	_, cost, err := account.ParseHash(second.Stored("alice"))
	require.NoError(t, err)
	require.Equal(t, dearer, cost)
	renewed := second.Stored("alice")
	_, err = second.Login(t.Context(), account.Attempt{Name: "alice", Password: password, Addr: home})
	require.NoError(t, err)
	require.Equal(t, renewed, second.Stored("alice"), "once is enough")
}

func TestRateLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		known, _ := r.login("alice")
		for range 5 {
			_, err := r.attempt("alice", wrong, far, daemon.Secret{})
			require.ErrorIs(t, err, account.ErrLogin)
		}
		_, err := r.attempt("alice", password, far, daemon.Secret{})
		require.ErrorIs(t, err, account.ErrSlow, "even if it is right")
		var wait *account.Wait
		require.ErrorAs(t, err, &wait)
		require.Positive(t, wait.For)
		require.ErrorContains(t, err, "or use a passkey")

		// The same address, in its other form or another of the same customer's.
		_, err = r.attempt("alice", password, netip.MustParseAddr("::ffff:198.51.100.9"), daemon.Secret{})
		require.ErrorIs(t, err, account.ErrSlow)

		// Others are not in the way: from elsewhere, or another account from there.
		_, err = r.attempt("alice", password, home, daemon.Secret{})
		require.NoError(t, err)
		_, err = r.attempt("bob", password, far, daemon.Secret{})
		require.NoError(t, err)
		// Her own browser is known, even behind the same address.
		_, err = r.attempt("alice", password, far, known.Device)
		require.NoError(t, err)
		_, err = r.attempt("bob", password, far, known.Device)
		require.NoError(t, err, "a device is one person's, and to bob it is a new browser")

		<-time.After(wait.For)
		_, err = r.attempt("alice", password, far, daemon.Secret{})
		require.NoError(t, err)
	})
}

// One address that goes through the names is slowed down too.
func TestOneAddressManyNames(t *testing.T) {
	r := newRig(t)
	slow := 0
	for i := range 40 {
		addr := netip.MustParseAddr(fmt.Sprintf("2001:db8:0:1::%x", i)) // all in one /64
		if _, err := r.attempt(fmt.Sprint("nobody", i), wrong, addr, daemon.Secret{}); err != nil && err.Error() != account.ErrLogin.Error() {
			slow++
		}
	}
	require.Equal(t, 20, slow)
}

// The network around an address is counted as well.
func TestOneNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		slow := 0
		for i := range 250 {
			addr := netip.MustParseAddr(fmt.Sprintf("2001:db8:0:%x::1", i))
			if _, err := r.attempt(fmt.Sprint("nobody", i), wrong, addr, daemon.Secret{}); err != nil && err.Error() != account.ErrLogin.Error() {
				slow++
			}
		}
		require.Equal(t, 50, slow)
	})
}

// Strangers from everywhere try one account. Each gets few tries, and its owner still gets
// in: from the browser that is known, and from a new one.
func TestNoLockOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		known, _ := r.login("alice")
		tried := 0
		for i := range 100 {
			addr := netip.AddrFrom4([4]byte{10, byte(i), 0, 1})
			for range 5 {
				if _, err := r.attempt("alice", wrong, addr, daemon.Secret{}); err.Error() == account.ErrLogin.Error() {
					tried++
				}
			}
		}
		require.Less(t, tried, 150, "of 500: after the first thirty, one from each address")
		_, err := r.attempt("alice", password, far, known.Device)
		require.NoError(t, err)
		_, err = r.attempt("alice", password, far, daemon.Secret{})
		require.NoError(t, err, "a new browser, from where nobody else has tried")
	})
}

func TestDeviceIsLimitedToo(t *testing.T) {
	r := newRig(t)
	known, _ := r.login("alice")
	for range 10 {
		_, err := r.attempt("alice", wrong, home, known.Device)
		require.ErrorIs(t, err, account.ErrLogin)
	}
	_, err := r.attempt("alice", password, home, known.Device)
	require.ErrorIs(t, err, account.ErrSlow)
	require.NoError(t, r.SetPassword(t.Context(), account.System(), "alice", another))
	_, err = r.attempt("alice", another, home, known.Device)
	require.NoError(t, err, "with the password the browser is forgotten, and is a new one")
}

func TestChangePassword(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	other, _ := r.login("alice")
	s, who := r.login("alice")
	for _, c := range []struct {
		old, fresh daemon.Secret
		want       error
	}{
		{wrong, another, account.ErrLogin},
		{daemon.Secret{}, another, account.ErrLogin},
		{password, daemon.NewSecret("short"), account.ErrInvalid},
		{password, daemon.NewSecret("Alice has this one"), account.ErrInvalid},
		{password, daemon.NewSecret(strings.Repeat("a", 20)), account.ErrInvalid},
		{password, daemon.NewSecret(strings.Repeat("long ", 300)), account.ErrInvalid},
	} {
		_, err := r.ChangePassword(ctx, who, c.old, c.fresh)
		require.ErrorIs(t, err, c.want)
		require.NotContains(t, err.Error(), c.fresh.Reveal())
	}
	made, err := r.ChangePassword(ctx, who, password, another)
	require.NoError(t, err)
	require.Equal(t, "account.password", r.latest().Action)
	r.over(s)
	r.over(other)
	r.identity(made)
	_, err = r.attempt("alice", password, home, daemon.Secret{})
	require.ErrorIs(t, err, account.ErrLogin)
	_, err = r.attempt("alice", another, home, daemon.Secret{})
	require.NoError(t, err)
	_, err = r.ChangePassword(ctx, who, another, password)
	require.ErrorIs(t, err, account.ErrExpired, "the old session is over")
}

// Who has a session and not the password cannot try them all.
func TestChangePasswordIsLimited(t *testing.T) {
	r := newRig(t)
	_, who := r.login("alice")
	var err error
	for range 11 {
		_, err = r.ChangePassword(t.Context(), who, wrong, another)
	}
	require.ErrorIs(t, err, account.ErrSlow)
	_, err = r.attempt("alice", password, home, daemon.Secret{})
	require.NoError(t, err)
}

// Logins and changes at once: no session outlives the password that made it.
func TestChangePasswordRace(t *testing.T) {
	r := newRig(t)
	_, who := r.login("alice")
	var mu sync.Mutex
	var made []account.Session
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s, err := r.attempt("alice", password, netip.AddrFrom4([4]byte{10, byte(i), 0, 1}), daemon.Secret{})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				made = append(made, s)
			}
		})
	}
	wg.Go(func() {
		if _, err := r.ChangePassword(t.Context(), who, password, another); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	for _, s := range made {
		r.over(s)
	}
}
