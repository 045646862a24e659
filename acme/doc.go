// Package acme obtains certificates from an ACME certificate authority (RFC
// 8555) without a wait that nobody asked for.
//
//	client := &acme.Client{Directory: url, Key: accountKey, AcceptTerms: true}
//	cert, err := client.Obtain(ctx, acme.Request{Names: []string{"example.org", "*.example.org"}}, solver)
//
// A [Client] is one account at one authority. [Client.Obtain] takes a [Request]
// through its order: all names are proved at the same time, each by a [Solver],
// which for DNS is dns01.Solver of the folder beside. [Client.RenewalInfo] asks
// when to renew (ARI, RFC 9773), [Client.Revoke] and [Client.RolloverKey] do
// what their names say. What the authority refuses is an [*Error].
//
// # What it promises
//
//   - A context that ends ends the call as soon as what a solver presented is
//     cleaned up; that has a context of its own.
//   - A name is never dropped: one that cannot be had is an error before the
//     first request.
//   - An answer about renewal that is not good is an error. No error ever means
//     "renew now".
//   - Requests go to https only, answers are read to a limit, and redirects lead
//     nowhere else.
//   - Private keys are in no error, log or JSON.
//
// # What lego does here, and what not
//
// The objects on the wire are those of lego's package acme. Its package acme/api
// is not used: no call of it has a context; its wait after a bad nonce, up to 20
// seconds, can not be ended from outside; it drops Retry-After of orders and
// authorizations; it keeps nonces without limit and reads bodies without limit;
// it signs with *rsa.PrivateKey and *ecdsa.PrivateKey alone, so not with a key in
// an HSM; and it can not change a key. A transport around it could add the
// contexts, for one request at a time and each with its own directory, but not
// the rest.
package acme
