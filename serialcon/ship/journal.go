package ship

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

// Journal sends entries to systemd's journal by its native protocol. The zero
// value is ready.
type Journal struct {
	Path string // of the socket. Empty means /run/systemd/journal/socket
	App  string // SYSLOG_IDENTIFIER. Empty means "serialcon"

	mu   sync.Mutex
	conn *net.UnixConn
}

// Send hands an entry over. It waits at most 100 ms for a journal that is busy;
// an error means that the entry is lost. A journal that was restarted has a new
// socket, which is found.
func (j *Journal) Send(e Entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	had := j.conn != nil
	err := j.send(e)
	if err != nil && had && !errors.Is(err, os.ErrDeadlineExceeded) {
		err = j.send(e)
	}
	return err
}

// send sends over the connection that there is, or a new one, and gives it up if
// that fails.
func (j *Journal) send(e Entry) error {
	if j.conn == nil {
		conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: cmp.Or(j.Path, "/run/systemd/journal/socket"), Net: "unixgram"})
		if err != nil {
			return fmt.Errorf("ship: connect to the journal: %w", err)
		}
		j.conn = conn
	}
	err := j.conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	if err == nil {
		_, err = j.conn.Write(e.appendJournal(nil, cmp.Or(j.App, "serialcon")))
	}
	if err != nil {
		_ = j.conn.Close()
		j.conn = nil
		return fmt.Errorf("ship: send to the journal: %w", err)
	}
	return nil
}

// Close lets go of the socket.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.conn == nil {
		return nil
	}
	err := j.conn.Close()
	j.conn = nil
	return err
}

// appendJournal appends the fields with their lengths, so that no text can
// begin a field.
func (e Entry) appendJournal(dst []byte, app string) []byte {
	text := e.Text
	if len(text) > maxText {
		text = text[:maxText]
	}
	dst = appendField(dst, "MESSAGE", text)
	dst = appendField(dst, "PRIORITY", strconv.Itoa(int(e.severity())))
	dst = appendField(dst, "SYSLOG_IDENTIFIER", app)
	dst = appendField(dst, "SYSLOG_TIMESTAMP", e.At.UTC().Format(time.RFC3339Nano))
	dst = appendField(dst, "CONSOLE", e.Console)
	if e.Event != "" {
		dst = appendField(dst, "CONSOLE_EVENT", e.Event)
	}
	return dst
}

func appendField(dst []byte, name, value string) []byte {
	dst = append(append(dst, name...), '\n')
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(value)))
	return append(append(dst, value...), '\n')
}
