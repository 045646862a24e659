// Package dnspeer runs DNS servers of Debian in tests, each with a configuration of
// its own on a free port of 127.0.0.1:
//
//   - [Unbound] and [Named] forward everything to a name server of the test;
//
//   - [ValidatingUnbound] and [Recursor] validate from trust anchors on, and ask the
//     test's name servers; [Delv] and [Drill] do so once;
//
//   - [NSD], [Knot] and [NamedAuthority] serve zones, or fetch them.
//
//     addr := dnspeer.Unbound(t, dnspeer.Config{Forward: names.Addr})
//
// They serve loopback only and end with the test. A missing program skips the test,
// see [peer.Skip].
package dnspeer
