// Package account has the people of the panel: their passwords, passkeys, sessions, and
// tokens for programs.
//
//	store, err := account.Open(account.Options{File: "/var/lib/panel/accounts.json"})
//	session, err := store.Login(ctx, account.Attempt{Name: name, Password: password, Addr: addr})
//	who, err := store.Session(ctx, session.Token, addr)
//
// Everything is in one file of mode 0600, which is replaced atomically; of passwords,
// sessions and tokens it has hashes alone. Every action is written to the audit log before
// it is done, and is not done if that fails.
//
// # Passwords
//
// They are hashed by Argon2id at the cost of RFC 9106's second choice, kept in the PHC
// format, and hashed anew at a login when the cost has changed. A new one has twelve
// characters at least, and nothing else is asked of it. Few are hashed at once, and few
// more wait, so that logins do not eat the memory. A name that nobody has takes the same
// work, and gives the same error, as a wrong password.
//
// # Guessing
//
// Failed logins are counted by address, by network, by address and account together, and
// by account. No stranger can lock a person out: a browser that has logged in before shows
// so by a cookie, and has a count and a place in the queue of its own; and when an account
// is tried from everywhere, each address still has one try on it in five minutes, which
// nobody elsewhere can use up. Passkeys are not slowed down by guesses of passwords.
//
// # Sessions
//
// A session is a random number of 256 bits. It ends when it is not used, when it is old,
// when it is revoked, with the password and with the role of its person; what streams and
// consoles are open then end too, by [Store.Until]. What outlives a session, a passkey or a
// token, is made in the first quarter of an hour of one.
//
// # Tokens
//
// A token belongs to a person and may do what they may now, or read that alone. It begins
// with [TokenPrefix], so that leaks are found by looking for it. It changes no password,
// session, passkey or person.
package account
