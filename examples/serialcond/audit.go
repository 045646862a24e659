package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon/sshd"
)

// auditLog is who did what: a JSON line each in a file, or in the log.
type auditLog struct {
	log *slog.Logger

	mu   sync.Mutex
	file *os.File // nil without a file
}

// openAudit opens the file for adding to it.
func openAudit(path string, log *slog.Logger) (*auditLog, error) {
	a := &auditLog{log: log}
	if path == "" {
		return a, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	a.file = f
	return a, nil
}

func (a *auditLog) ssh(e sshd.Entry) { a.add(auditEntry{"ssh", e}) }

// http notes what a user did by HTTP.
func (a *auditLog) http(e sshd.Entry) {
	e.At = time.Now()
	a.add(auditEntry{"http", e})
}

// auditEntry is a line of the file.
type auditEntry struct {
	Via string `json:"via"`
	sshd.Entry
}

func (a *auditLog) add(e auditEntry) {
	if a.file == nil {
		a.log.Info("audit", "via", e.Via, "kind", e.Kind, "who", e.Who, "user", e.User, "from", e.From,
			"console", e.Console, "what", e.What, "err", e.Err)
		return
	}
	line, err := json.Marshal(e)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		_, err = a.file.Write(append(line, '\n'))
	}
	if err != nil {
		a.log.Error("an audit entry is lost", "kind", e.Kind, "who", e.Who, "console", e.Console, "err", err)
	}
}

func (a *auditLog) close() {
	if a.file != nil {
		a.file.Close()
	}
}
