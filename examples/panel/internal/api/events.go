package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

const (
	mostStreams  = 4 // of a token
	beatEvery    = 15 * time.Second
	writeTimeout = 30 * time.Second
)

// streams counts those of each token.
type streams struct {
	mu   sync.Mutex
	open map[string]int // under mu
}

// enter counts one more, until leave is called. false is that there are too many.
func (s *streams) enter(token string) (leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[string]int{}
	}
	if s.open[token] >= mostStreams {
		return nil, false
	}
	s.open[token]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.open[token]--; s.open[token] == 0 {
			delete(s.open, token)
		}
	}, true
}

// getEvents sends what changes as events, until the reader or the token has gone.
func getEvents(c *call, _, _ nothing) (model.Change, error) {
	leave, ok := c.s.streams.enter(c.who.ID)
	if !ok {
		return model.Change{}, errTooMany
	}
	defer leave()
	ctx, cancel := context.WithCancel(c.r.Context())
	defer cancel()
	c.w.Header().Set("Content-Type", "text/event-stream")
	out := &stream{w: c.w, rc: http.NewResponseController(c.w), gone: cancel}
	out.send(": watching\n\n")
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { out.beat(ctx) })
	err := c.house.Watch(ctx, func(change model.Change) {
		data, err := json.Marshal(change)
		if err == nil {
			out.send(fmt.Sprintf("event: change\ndata: %s\n\n", data))
		}
	})
	if err != nil && ctx.Err() == nil {
		c.s.log.Error("an event stream of the API broke off", "who", c.who.Name, "error", err)
	}
	return model.Change{}, nil
}

// stream is the answer that has events.
type stream struct {
	mu   sync.Mutex // one writes at a time
	w    http.ResponseWriter
	rc   *http.ResponseController
	gone func()
}

func (s *stream) send(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.rc.SetWriteDeadline(time.Now().Add(writeTimeout)) // or the server's own holds
	if _, err := s.w.Write([]byte(text)); err != nil || s.rc.Flush() != nil {
		s.gone()
	}
}

// beat shows the reader, and what is between, that the stream lives.
func (s *stream) beat(ctx context.Context) {
	ticker := time.NewTicker(beatEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.send(": still here\n\n")
		}
	}
}
