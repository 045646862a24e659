// Package account has the people of the panel: their passwords, passkeys, sessions, and
// tokens for programs.
//
//	store, err := account.Open(account.Options{File: "/var/lib/panel/accounts.json"})
//	session, err := store.Login(ctx, account.Attempt{Name: name, Password: password, Addr: addr})
//	identity, err := store.Session(ctx, token, addr)
package account
