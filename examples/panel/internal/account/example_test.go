package account_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
)

func Example() {
	ctx, addr := context.Background(), netip.MustParseAddr("192.0.2.7")
	store, err := account.Open(account.Options{}) // in memory
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	password := daemon.NewSecret("four words and more")
	if err := store.Add(ctx, account.System(), "noc", account.Operator, password); err != nil {
		log.Fatal(err)
	}

	session, err := store.Login(ctx, account.Attempt{Name: "noc", Password: password, Addr: addr})
	if err != nil {
		log.Fatal(err)
	}
	who, err := store.Session(ctx, session.Token, addr)
	fmt.Println(who.Name, who.Role, session.Token, err)

	_ = store.Logout(ctx, who)
	_, err = store.Session(ctx, session.Token, addr)
	fmt.Println(errors.Is(err, account.ErrExpired), err)
	// Output:
	// noc operator [secret] <nil>
	// true not logged in
}
