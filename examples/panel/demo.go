package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account/passkey"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/api"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/crew"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/demo"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/web"
)

// serveDemo runs the company and its pages until ctx ends.
func serveDemo(ctx context.Context, o options, stdout io.Writer) (err error) {
	house, err := demo.New(o.house)
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return fmt.Errorf("cannot serve the pages, choose another address with -listen: %w", err)
	}
	defer l.Close()
	records, err := audit.Open(audit.Options{Log: o.house.Log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, records.Close()) }()
	ceremonies, err := passkeys(l.Addr())
	if err != nil {
		return err
	}
	accounts, err := account.Open(account.Options{Audit: records, Log: o.house.Log, Passkeys: ceremonies})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, accounts.Close()) }()
	password, err := crew.Hire(ctx, accounts)
	if err != nil {
		return err
	}
	site, err := web.New(web.Options{
		House: house, Accounts: accounts, Audit: records, Log: o.house.Log,
		API: api.New(api.Options{House: house, Accounts: accounts, Audit: records, Log: o.house.Log}),
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "http://%s/\nLog in as alice or bob, who are customers, or as noc, who is an operator. The password is %s\n",
		address(l.Addr()), password)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return house.Run(ctx) })
	g.Go(func() error { return site.Serve(ctx, l) })
	return g.Wait()
}

// passkeys are for the pages at localhost: browsers have none for an address, and none
// without TLS for another name.
func passkeys(a net.Addr) (account.Ceremonies, error) {
	host, _, err := net.SplitHostPort(address(a))
	if err != nil || host != "localhost" {
		return nil, err
	}
	return passkey.New(passkey.Options{ID: host, Origins: []string{"http://" + address(a)}})
}

// address is where browsers find the pages. Passkeys need a name, and addresses of
// loopback have one.
func address(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip.IsLoopback() && ip.To4() != nil {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
