package acmetest

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// maxMythicBody is what the fake reads of a request.
const maxMythicBody = 1 << 20

// MythicFault makes requests fail.
type MythicFault struct {
	// Method and Path are what a request must have: none is any, and of the path the
	// beginning counts.
	Method, Path string
	// Times is how often; zero means once, and less always.
	Times int
	// Status is what it answers with Body, and does nothing else. Zero means that the
	// request is carried out.
	Status int
	Body   string
	// RetryAfter is the header of that name.
	RetryAfter string
	// Close closes the connection instead of answering; CloseAfter does when the
	// request has been carried out.
	Close, CloseAfter bool
	// Wait is how long the request takes in addition.
	Wait time.Duration
}

// MythicRequest is one that came, to any part of a [Mythic].
type MythicRequest struct {
	Method string
	// Path and Query are as they were sent.
	Path, Query string
	// Status is the answer's; zero if the connection was closed instead.
	Status int
	// From is the client's end of the connection.
	From netip.AddrPort
	// Basic reports whether it had a key or password of HTTP Basic authentication.
	Basic bool
}

// Fail adds a fault. Of several that fit a request, the first counts.
func (m *Mythic) Fail(f MythicFault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	m.faults = append(m.faults, &f)
}

// Heal ends all faults.
func (m *Mythic) Heal() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = nil
}

// Requests are those so far, in the order in which they ended.
func (m *Mythic) Requests() []MythicRequest {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.requests)
}

// Logins is how many tokens were given out.
func (m *Mythic) Logins() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.logins
}

// fault is the one for a request, if any.
func (m *Mythic) fault(r *http.Request) MythicFault {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.faults {
		fits := f.Times != 0 && (f.Method == "" || f.Method == r.Method) && strings.HasPrefix(r.URL.Path, f.Path)
		if !fits {
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		return *f
	}
	return MythicFault{}
}

// faulty serves requests with the faults, and keeps a record of them.
func (m *Mythic) faulty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// With its body read, the end of a connection is noticed.
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMythicBody))
		if err != nil {
			mythicPage(w, http.StatusRequestEntityTooLarge)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		f := m.fault(r)
		mythicWait(r, m.opts.Latency+f.Wait)
		answer := httptest.NewRecorder()
		switch {
		case f.Close:
		case f.Status != 0:
			answer.Header().Set("Content-Type", "application/json")
			answer.WriteHeader(f.Status)
			_, _ = answer.WriteString(f.Body)
		default:
			next.ServeHTTP(answer, r)
		}
		if f.Close || f.CloseAfter {
			m.record(r, 0)
			panic(http.ErrAbortHandler) // closes the connection
		}
		m.record(r, answer.Code)
		maps.Copy(w.Header(), answer.Header())
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

// mythicWait ends early if the client leaves.
func mythicWait(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

func (m *Mythic) record(r *http.Request, status int) {
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	_, _, basic := r.BasicAuth()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests = append(m.requests, MythicRequest{
		Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Status: status, From: from, Basic: basic,
	})
}
