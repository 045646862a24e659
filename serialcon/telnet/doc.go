// Package telnet makes ports of telnet servers: QEMU's telnet consoles, terminal
// servers, and by RFC 2217 serial lines whose rate, parity and modem lines the
// server sets for us. It also serves consoles and lines that way.
//
//	c := &serialcon.Console{Name: "sw-1", Port: telnet.Config{
//		Address: "ts1.example:7001",
//		Serial:  &telnet.Serial{Baud: 115200},
//	}}
//
// A [Config] is the client; the [Port] that it opens sends a BREAK as IAC BRK.
// With a [Serial] it also tells modem lines, UART errors and BREAKs that came in.
//
// The protocol is a state machine without sockets: RFC 854 (IAC, CR NUL), RFC
// 855 (options, by the method of RFC 1143, so that no negotiation loops), RFC
// 856 (BINARY), RFC 858 (SUPPRESS-GO-AHEAD) and RFC 2217. Memory is bounded
// whatever the server sends.
//
// A [Server] is the other end, for programs that want a serial line over the
// network (pyserial's rfc2217://, ser2net, telnet itself):
//
//	s := &telnet.Server{Open: telnet.Attach(c, serialcon.AttachOptions{Mode: serialcon.ReadWrite})}
//	err := s.Serve(ctx, listener)
//
// Telnet encrypts and authenticates nothing: a Server lets in only this machine,
// unless it is told whom else.
package telnet
