// Package ship sends lines and events of consoles to other machines' logs:
// syslog (RFC 5424) over TLS (RFC 5425), and the journal of systemd.
//
//	s := &ship.Syslog{Addr: "logs.example.net:6514"}
//	go s.Run(ctx)
//	s.Send(ship.Entry{Console: "pi-042", At: at, Text: "Kernel panic - not syncing"})
//
// Send never waits. The queue is bounded; what does not fit is counted, and the
// count is sent as soon as there is room. Syslog has no acknowledgement, so what
// was sent last before a connection broke is sent again. It does not replace the
// local log.
package ship
