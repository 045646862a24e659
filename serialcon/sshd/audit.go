package sshd

import "time"

// The kinds of audit entries.
const (
	AuditLogin   = "login"   // a key was proved
	AuditRefused = "refused" // a connection, a login or a request was; What and Err say why
	AuditLogout  = "logout"  // the connection ended
	AuditAttach  = "attach"  // a viewer begins; What is the mode
	AuditDetach  = "detach"  // and ended, with bytes and duration
	AuditBreak   = "break"   // a BREAK was asked for; Err says why it was not sent
	AuditExec    = "exec"    // a command ended; What is the command
)

// Entry is what somebody did, or was refused. User, What and Err may hold bytes
// of strangers: quote them.
type Entry struct {
	At       time.Time     `json:"at"`
	Kind     string        `json:"kind"`
	Who      string        `json:"who,omitempty"`  // after the login
	User     string        `json:"user,omitempty"` // the name that was asked for
	Key      string        `json:"key,omitempty"`  // SHA-256 fingerprint, after the login
	From     string        `json:"from"`           // address and port
	Console  string        `json:"console,omitempty"`
	What     string        `json:"what,omitempty"`
	In       int64         `json:"in,omitempty"` // bytes that the client sent
	Out      int64         `json:"out,omitempty"`
	Duration time.Duration `json:"duration,omitempty"` // in nanoseconds
	Err      string        `json:"err,omitempty"`
}

// Caller is who runs a command.
type Caller struct {
	Who     string
	User    string // the name that was logged in with
	Key     string // SHA-256 fingerprint
	From    string // address and port
	Console string // the one that it may have, or ""
}

func (s *Server) audit(e Entry) {
	e.At = time.Now()
	e.User, e.What, e.Err = short(e.User), short(e.What), short(e.Err)
	if s.Audit != nil {
		s.Audit(e)
	}
	s.logger().Info("audit", "kind", e.Kind, "who", e.Who, "user", e.User, "key", e.Key, "from", e.From,
		"console", e.Console, "what", e.What, "in", e.In, "out", e.Out, "duration", e.Duration, "err", e.Err)
}

// short bounds what a stranger may have in an entry.
func short(text string) string {
	return text[:min(len(text), 512)]
}
