package crew_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/crew"
)

// Who may log in to the demo.
func Example() {
	accounts, err := account.Open(account.Options{Hash: account.Cost{Time: 1, Memory: 64, Threads: 1}}) // as cheap as can be
	if err != nil {
		fmt.Println(err)
		return
	}
	defer accounts.Close()
	password, err := crew.Hire(context.Background(), accounts)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(password), "characters")
	for _, p := range crew.People() {
		fmt.Println(p.Name, p.Role)
	}
	// Output:
	// 17 characters
	// alice customer
	// bob customer
	// noc operator
}

func TestHire(t *testing.T) {
	open := func() *account.Store {
		s, err := account.Open(account.Options{Hash: account.Cost{Time: 1, Memory: 64, Threads: 1}})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return s
	}
	s := open()
	password, err := crew.Hire(t.Context(), s)
	require.NoError(t, err)
	for _, p := range crew.People() {
		made, err := s.Login(t.Context(), account.Attempt{Name: p.Name, Password: daemon.NewSecret(password)})
		require.NoError(t, err)
		require.Equal(t, p.Name, made.Name)
	}
	_, err = s.Login(t.Context(), account.Attempt{Name: "noc", Password: daemon.NewSecret("noc")})
	require.ErrorIs(t, err, account.ErrLogin)
	_, err = crew.Hire(t.Context(), s)
	require.ErrorIs(t, err, account.ErrInvalid, "they are there already")
	require.ErrorContains(t, err, "alice")
	other, err := crew.Hire(t.Context(), open())
	require.NoError(t, err)
	require.NotEqual(t, password, other)
}
