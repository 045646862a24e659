package account_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
)

func TestSessionExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *account.Options) { o.Idle, o.Absolute = time.Hour, 5*time.Hour })
		used, _ := r.login("alice")
		idle, _ := r.login("alice")
		for range 9 {
			<-time.After(30 * time.Minute)
			r.identity(used)
		}
		r.over(idle)
		require.Len(t, r.Sessions(r.identity(used)), 1)
		<-time.After(29 * time.Minute)
		r.identity(used)
		<-time.After(time.Minute)
		r.over(used) // used or not
	})
}

func TestUnknownSessions(t *testing.T) {
	r := newRig(t)
	for _, token := range []string{"", "x", "hkp_aaaa_bbbb"} {
		_, err := r.Session(t.Context(), daemon.NewSecret(token), home)
		require.ErrorIs(t, err, account.ErrExpired)
	}
}

func TestRevoke(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	one, alice := r.login("alice")
	two, _ := r.login("alice")
	three, _ := r.login("alice")
	bobs, bob := r.login("bob")
	require.NotEqual(t, one.Token.Reveal(), two.Token.Reveal(), "each login has a new token")

	sessions := r.Sessions(alice)
	require.Len(t, sessions, 3)
	for _, s := range sessions {
		require.True(t, s.Token.Empty(), "it is not kept")
		require.Equal(t, home, s.From)
	}
	require.ErrorIs(t, r.RevokeSession(ctx, bob, two.ID), account.ErrUnknown, "it is another's")
	require.ErrorIs(t, r.RevokeSession(ctx, bob, "none"), account.ErrUnknown)
	require.NoError(t, r.RevokeSession(ctx, alice, two.ID))
	r.over(two)
	r.identity(three)
	require.NoError(t, r.RevokeSessions(ctx, alice))
	r.over(three)
	r.identity(one)
	require.NoError(t, r.Logout(ctx, alice))
	r.over(one)
	require.ErrorIs(t, r.Logout(ctx, alice), account.ErrExpired)
	r.identity(bobs)
	_, noc := r.login("noc")
	require.NoError(t, r.EndSessions(ctx, noc, "bob"))
	r.over(bobs)
	require.ErrorIs(t, r.EndSessions(ctx, noc, "nobody"), account.ErrUnknown)
}

func TestSessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		first, _ := r.login("alice")
		var last account.Identity
		for range 50 {
			<-time.After(time.Second)
			_, last = r.login("alice")
		}
		r.over(first)
		require.Len(t, r.Sessions(last), 50)
	})
}

func TestSecretsDoNotShow(t *testing.T) {
	r := newRig(t)
	s, who := r.login("alice")
	token, err := r.NewToken(t.Context(), who, "a script", account.Read, 0)
	require.NoError(t, err)
	shown := fmt.Sprintf("%v %+v %#v %s", s, s, token, account.Attempt{Password: password})
	for _, secret := range []string{s.Token.Reveal(), s.Device.Reveal(), token.Secret.Reveal(), password.Reveal()} {
		require.NotContains(t, shown, secret)
	}
}

func TestUntil(t *testing.T) {
	ended := func(ctx context.Context) bool { return ctx.Err() != nil }
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *account.Options) { o.Idle, o.Absolute = time.Hour, 3*time.Hour })
		s, who := r.login("alice")
		until := func(who account.Identity) context.Context {
			ctx, cancel := r.Until(t.Context(), who)
			t.Cleanup(cancel)
			return ctx
		}
		// It ends when nobody has used the session for long, and at its end.
		idle := until(who)
		<-time.After(59 * time.Minute)
		r.identity(s)
		<-time.After(2 * time.Minute)
		require.False(t, ended(idle))
		<-time.After(time.Hour)
		synctest.Wait()
		require.True(t, ended(idle))
		require.ErrorIs(t, context.Cause(idle), account.ErrExpired)
		require.True(t, ended(until(who)), "of what is over it is over at once")

		s, who = r.login("alice")
		other, otherWho := r.login("alice")
		one, two := until(who), until(otherWho)
		require.NoError(t, r.RevokeSession(t.Context(), who, other.ID))
		require.True(t, ended(two))
		require.False(t, ended(one))
		require.NoError(t, r.SetRole(t.Context(), account.System(), "alice", account.Operator))
		require.True(t, ended(one))
		r.over(s)

		_, who = r.login("bob")
		token, err := r.NewToken(t.Context(), who, "a script", account.Read, 2*time.Hour)
		require.NoError(t, err)
		byToken, err := r.Token(t.Context(), token.Secret, home)
		require.NoError(t, err)
		three := until(byToken)
		<-time.After(2*time.Hour + time.Second)
		synctest.Wait()
		require.True(t, ended(three))

		system, cancel := r.Until(t.Context(), account.System())
		<-time.After(1000 * time.Hour)
		require.False(t, ended(system))
		cancel()
		require.True(t, ended(system))
		require.NotErrorIs(t, context.Cause(system), account.ErrExpired)
	})
}

// Everything at once.
func TestAtOnce(t *testing.T) {
	r := newRig(t)
	_, noc := r.login("noc")
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			name := fmt.Sprint("person", i)
			if err := r.Add(t.Context(), noc, name, account.Customer, password); err != nil {
				t.Error(err)
				return
			}
			for range 3 {
				s, err := r.attempt(name, password, home, daemon.Secret{})
				if err != nil {
					t.Error(err)
					return
				}
				who, err := r.Session(t.Context(), s.Token, home)
				if err != nil {
					t.Error(err)
					return
				}
				_, cancel := r.Until(t.Context(), who)
				_, err = r.NewToken(t.Context(), who, "a script", account.Write, 0)
				if err != nil {
					t.Error(err)
				}
				if err := r.Logout(t.Context(), who); err != nil {
					t.Error(err)
				}
				cancel()
			}
			if err := r.Remove(t.Context(), noc, name); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	people, err := r.People(noc)
	require.NoError(t, err)
	require.Len(t, people, 3)
}
