// Package quic routes QUIC connections (HTTP/3) by the server name in their first
// packets, and relays their datagrams to IPv6 servers unread.
//
//	s := &quic.Server{Router: routes, Guard: guard}
//	pc, err := net.ListenPacket("udp", "192.0.2.1:443")
//	err = s.Serve(pc)
//
// The keys of Initial packets follow from the connection ID that the client sends
// in the clear (RFC 9001 section 5.2, and RFC 9369 for version 2), so that anybody
// on the way can read the ClientHello. A [Server] does, from as many datagrams as
// it takes and in any order, asks its Router, and from then on passes every
// datagram between the client and one UDP socket of the connection's own. It holds
// no key and no certificate. A [Collector] is the part without sockets.
//
// Connections are told apart by address, port and the connection IDs that servers
// choose while they shake hands. Several from one port, as clients and address
// translators have them, may go to different sites. A client whose address changes
// under a known connection ID is followed; one that moves on purpose, to an ID that
// was told under encryption, has to begin again.
//
// No PROXY header is sent, whatever a Decision says: QUIC servers do not take any.
// Use backend.Source.NAT46 where they are to see clients' addresses.
package quic
