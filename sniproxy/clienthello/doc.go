// Package clienthello reads the server name out of the first bytes of a TLS
// connection, without taking part in the handshake.
//
//	var p clienthello.Parser // one per connection
//	var info clienthello.Info
//	switch status, err := p.Parse(received, &info); status {
//	case clienthello.NeedMore: // read on, until the deadline
//	case clienthello.Complete: // route by info.ServerName; nil means that there is none
//	case clienthello.Malformed: // err is an *Error: answer its alert and close
//	}
//
// There is no fourth outcome: a hello that cannot be read is never one without
// a name. What arrives in many segments, in many records (RFC 8446 section 5.1)
// or byte by byte is put together at a cost linear in its size. Nothing is
// allocated for a hello in one record; pieces of records are joined in a buffer
// of [Info], which is used again.
//
// It is as strict as crypto/tls on everything it looks at, so that no name is
// routed that a server behind would not see: duplicate extensions, two names,
// lists that overrun, names with bytes that no host name has. Names come out
// canonical, by [CanonicalName].
//
// It does not decrypt Encrypted Client Hello (RFC 9849): the name is the outer
// one, the client-facing server's public name.
package clienthello
