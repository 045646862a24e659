package renew

import (
	"context"
	"crypto/x509"
	"log/slog"
	"time"
)

// Kind is what happened to a certificate.
type Kind string

// The kinds of events.
const (
	Issued      Kind = "issued"       // the first certificate is obtained and stored
	Renewed     Kind = "renewed"      // another one is
	Adopted     Kind = "adopted"      // another process stored a new one
	Failed      Kind = "failed"       // it could not be obtained
	StoreFailed Kind = "store failed" // the store could not be read or written
	Scheduled   Kind = "scheduled"    // the authority gave a window
	NoWindow    Kind = "no window"    // the authority was asked for one and gave no good answer
)

// Event is something that happened.
type Event struct {
	// Name is the certificate's.
	Name string
	// Kind says what.
	Kind Kind
	// Leaf is the certificate that there is now, or nil.
	Leaf *x509.Certificate
	// Next is when it is to be renewed, or tried again.
	Next time.Time
	// Err is why it failed.
	Err error
}

func (m *Manager) tell(ev Event) {
	level := slog.LevelInfo
	switch ev.Kind {
	case Failed, StoreFailed:
		level = slog.LevelError
	case Scheduled, NoWindow:
		level = slog.LevelDebug
	}
	attrs := []any{"certificate", ev.Name, "next", ev.Next}
	if ev.Leaf != nil {
		attrs = append(attrs, "until", ev.Leaf.NotAfter)
	}
	if ev.Err != nil {
		attrs = append(attrs, "err", ev.Err)
	}
	m.log().Log(context.Background(), level, "certificate "+string(ev.Kind), attrs...)
	if m.OnEvent != nil {
		m.OnEvent(ev)
	}
}
