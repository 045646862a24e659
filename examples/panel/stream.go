package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	maxStreams   = 64                     // open at a time
	writeTimeout = 10 * time.Second       // of a reader that takes nothing
	streamPause  = 100 * time.Millisecond // between two events, so that many changes make one
	heartbeat    = 15 * time.Second       // finds out that a silent reader has gone
)

// events streams what changes on the board as server-sent events. A reader says
// where it stands by the cursor of the page or of the last event it got.
func (s *site) events(w http.ResponseWriter, r *http.Request) {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many pages are open", http.StatusServiceUnavailable)
		return
	}
	cursor := r.Header.Get("Last-Event-ID")
	if cursor == "" {
		cursor = r.URL.Query().Get("after")
	}
	seq, known := s.board.parseCursor(cursor)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := stream{w, http.NewResponseController(w)}
	if cursor != "" && !known {
		_ = out.send([]byte("event: restart\ndata: another process\n\n")) // the page starts over
		return
	}
	out.follow(r, s.board, seq)
}

// stream is one reader of events.
type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// send writes b for a reader who has writeTimeout to take it.
func (s stream) send(b []byte) error {
	if err := s.rc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	return s.rc.Flush()
}

// follow sends what came after seq, and then what comes, until the reader goes
// or the server stops.
func (s stream) follow(r *http.Request, b *board, seq uint64) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	pause := time.NewTicker(streamPause)
	defer pause.Stop()
	for {
		n, changed := b.since(seq)
		seq = n.seq
		if s.send(n.event()) != nil {
			return
		}
		for waiting := true; waiting; {
			select {
			case <-r.Context().Done():
				return
			case <-beat.C:
				if s.send([]byte(": still here\n\n")) != nil {
					return
				}
			case <-changed:
				waiting = false
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-pause.C:
		}
	}
}

// event encodes n. JSON has no line breaks, which would end the event.
func (n *news) event() []byte {
	data, err := json.Marshal(n)
	if err != nil {
		panic(err) // strings and numbers only
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "id: %s\ndata: %s\n\n", n.Cursor, data)
	return b.Bytes()
}
