// Package web is the panel's pages: what a customer sees of their Pis, domains and
// sites, and the buttons that do something about them.
//
//	h, err := web.New(web.Options{House: house, Accounts: accounts, Audit: log})
//	err = h.Serve(ctx, listener)
//
// Pages are rendered by the server and work without script: each button is a form.
// With script they follow by themselves: a page has one stream of server-sent events,
// which brings those of its parts that changed. The stream's cursor is made of hashes
// of the parts, so a page that lost its stream goes on where it stood, even with
// another process.
//
// Every page and button goes through package access, which lets customers see and
// touch only what is theirs, and has it all in the audit log. A policy (CSP) allows
// no script and no style but the panel's own files. What the house brings as markup,
// a screen and a drawing, is taken apart and written anew.
package web
