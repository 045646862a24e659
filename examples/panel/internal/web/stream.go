package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

const (
	maxStreams   = 256                    // open at a time
	maxOwn       = 16                     // of them of one account
	writeTimeout = 10 * time.Second       // of a reader that takes nothing
	streamPause  = 200 * time.Millisecond // between two events, so that many changes make one
	heartbeat    = 15 * time.Second       // finds out that a silent reader has gone
)

// seats counts open streams.
type seats struct {
	mu    sync.Mutex // guards all below
	taken int
	by    map[string]int // per account
}

// sit takes a seat. The function it returns gives it back; it is nil if there is none.
func (s *seats) sit(account string) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken >= maxStreams || s.by[account] >= maxOwn {
		return nil
	}
	if s.by == nil {
		s.by = make(map[string]int)
	}
	s.taken++
	s.by[account]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.taken--
		if s.by[account]--; s.by[account] == 0 {
			delete(s.by, account)
		}
	}
}

// wantsStream reports whether a request is for the events of a page, not for the page.
func wantsStream(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.HasPrefix(r.Header.Get("Accept"), "text/event-stream")
}

// stream is one reader of events.
type stream struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	at   cursor
	page *visit
}

// send writes b for a reader who has writeTimeout to take it.
func (s *stream) send(b []byte) error {
	if err := s.rc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	return s.rc.Flush()
}

// events streams what changes on a page as server-sent events. A reader says where it
// stands by the cursor of the page or of the last event it got.
func (p *visit) events(now view, look func(*visit) (view, error)) {
	leave := p.site.seats.sit(p.viewer.Name)
	if leave == nil {
		p.w.Header().Set("Retry-After", "10")
		http.Error(p.w, "too many pages are open: close one, or look again later", http.StatusServiceUnavailable)
		return
	}
	defer leave()
	at := p.r.Header.Get("Last-Event-ID")
	if at == "" {
		at = p.r.URL.Query().Get("cursor")
	}
	p.w.Header().Set("Content-Type", "text/event-stream")
	out := &stream{w: p.w, rc: http.NewResponseController(p.w), at: parseCursor(at), page: p}
	ctx, cancel := context.WithCancel(p.r.Context())
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	wake := p.watch(ctx, now, &watching)
	out.follow(ctx, now, look, wake)
}

// watch has the channel told of what concerns the page, until ctx ends.
func (p *visit) watch(ctx context.Context, v view, running *sync.WaitGroup) <-chan struct{} {
	wake := make(chan struct{}, 1)
	wake <- struct{}{} // what changed since the page was made, before Watch began
	tell := func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	running.Go(func() {
		_ = p.house.Watch(ctx, func(c model.Change) { // it ends with ctx
			if v.Concerns(c) {
				tell()
			}
		})
	})
	if p.screen != nil {
		running.Go(func() { p.screen.follow(ctx, tell) })
	}
	return wake
}

// follow sends what the page does not show yet, and then what comes, until the reader
// goes, may not look any more, or the server stops.
func (s *stream) follow(ctx context.Context, v view, look func(*visit) (view, error), wake <-chan struct{}) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	pause := time.NewTicker(streamPause)
	defer pause.Stop()
	for ok := s.show(v, true); ok; {
		idle := false
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			idle = true // what was told while nobody listened is found now
		case <-wake:
		}
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		v, err := look(s.page)
		if err != nil {
			_ = s.send([]byte("event: restart\ndata: the page is not what it was\n\n"))
			return
		}
		ok = s.show(v, false) && (!idle || s.send([]byte(": still here\n\n")) == nil)
	}
}

// show sends those parts of v that the page shows otherwise, or that there are none if
// always is set. It reports whether the stream goes on.
func (s *stream) show(v view, always bool) bool {
	parts, err := render(s.page.site.templates, v.Parts)
	if err != nil {
		s.page.site.log.Error("a part of a page cannot be made", "page", v.Template, "err", err)
		return false
	}
	at := cursorOf(parts)
	if s.at == nil {
		s.at = append(cursor{at[0]}, make(cursor, len(parts))...) // shows nothing yet
	}
	if !s.at.sameParts(at) {
		_ = s.send([]byte("event: restart\ndata: the page has other parts\n\n")) // it starts over
		return false
	}
	news := s.at.changed(parts)
	s.at = at
	return !always && len(news) == 0 || s.send(event(at, news)) == nil
}

// event encodes news. JSON has no line breaks, which would end the event.
func event(at cursor, news map[string]string) []byte {
	data, err := json.Marshal(news)
	if err != nil {
		panic(err) // strings only
	}
	return fmt.Appendf(nil, "id: %s\ndata: %s\n\n", at, data)
}
