// Package renew keeps certificates from running out: it obtains them, stores them,
// renews them in time and serves them to TLS.
//
//	m := &renew.Manager{
//		Issuer: client, // an *acme.Client
//		Solver: solver,
//		Store:  &renew.FileStore{Dir: "/var/lib/acmed/certs"},
//	}
//	err := m.Add("example.org", acme.Request{Names: []string{"example.org", "*.example.org"}})
//	go m.Run(ctx)
//	config := &tls.Config{GetCertificate: m.GetCertificate}
//
// # Nouns
//
//   - A [Manager] has certificates by name, and looks after each when it is due.
//   - A [Policy] says when that is. It is a pure function of a [State] and a time.
//   - A [Store] keeps a [Bundle] (key and chain) and the State of each certificate:
//     [FileStore] in files that services read, [KVStore] in a store that several
//     nodes share, of which one renews.
//   - A [Source] serves certificates to TLS in programs that only read the store.
//
// # When
//
// The authority's window (ARI, RFC 9773) comes first: a moment in it is chosen once
// and stored. Without one, and after whatever is no good answer, a certificate is
// renewed at 2/3 of its lifetime, or at 1/2 if it lives less than 10 days. When 1/20
// is left it is renewed whatever the authority's window says. What failed is tried
// again after 1, 10 and 100 minutes and then daily, sooner if time runs out.
//
// # What it refuses
//
//   - No answer and no clock makes it renew a certificate again that it just renewed:
//     a certificate is left alone for its first day, or a quarter of a short life, and
//     for twice as long each time that the authority wants it early again.
//   - No order is made before the store has proved that it can be written.
//   - No certificate that was issued is thrown away because it could not be stored:
//     it is served from memory, and stored later, unless another was in the meantime.
package renew
