package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
	"github.com/mythic-beasts/hostkit/serialcon/vt"
)

var errNoMatch = errors.New("no pattern has matched since the daemon began")

// screen shows what is on the screen now.
func (a *api) screen(w http.ResponseWriter, r *http.Request, _ *user, c *console) error {
	all := r.FormValue("scrollback") == "1"
	switch format := r.FormValue("format"); format {
	case "", "text":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		text := c.screen.Text
		if all {
			text = c.screen.TextAll
		}
		_, _ = io.WriteString(w, text())
	case "html":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
		html := c.screen.HTML
		if all {
			html = c.screen.HTMLAll
		}
		_, _ = fmt.Fprintf(w, "<!DOCTYPE html>\n<title>%s</title>\n<style>%s</style>\n%s\n", c.Name, vt.CSS, html())
	case "replay":
		w.Header().Set("Content-Type", "application/octet-stream")
		return c.screen.Replay(w)
	default:
		return requestError{fmt.Errorf("format %q is not text, html or replay", format)}
	}
	return nil
}

// maxLines bounds an answer in which no limit is given.
const maxLines = 1000

// line is a line of the log in JSON. Text has no control characters.
type line struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
	Open bool      `json:"open,omitempty"`
}

// searchLog gives the last lines, or those that the query asks for.
func (a *api) searchLog(w http.ResponseWriter, r *http.Request, _ *user, c *console) error {
	q, err := query(r)
	if err != nil {
		return err
	}
	out := newLineWriter(w, r)
	if q.Text == "" && q.Regexp == nil {
		err = lastLines(r.Context(), c.log, q, out.put)
	} else {
		err = c.log.Search(r.Context(), q, out.put)
	}
	return out.end(err)
}

// query reads q, re, since, until and limit.
func query(r *http.Request) (q conlog.Query, err error) {
	q = conlog.Query{Text: r.FormValue("q"), Limit: maxLines}
	if q.Since, err = when(r, "since"); err != nil {
		return q, err
	}
	if q.Until, err = when(r, "until"); err != nil {
		return q, err
	}
	if text := r.FormValue("re"); text != "" {
		if q.Regexp, err = regexp.Compile(text); err != nil {
			return q, requestError{fmt.Errorf("re: %w", err)}
		}
	}
	if text := r.FormValue("limit"); text != "" {
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 0 {
			return q, requestError{fmt.Errorf("limit %q is no number of lines", text)}
		}
	}
	return q, nil
}

// when reads a time: RFC 3339, or how long ago it was ("1h").
func when(r *http.Request, name string) (time.Time, error) {
	text := r.FormValue(name)
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return time.Now().Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, requestError{fmt.Errorf(`%s: %q is neither a time as "2026-11-26T07:00:00Z" nor how long ago it was as "1h"`, name, text)}
	}
	return at, nil
}

// lineWriter writes lines as text, or as a JSON document each for those who ask
// for application/x-ndjson.
type lineWriter struct {
	w     http.ResponseWriter
	json  *json.Encoder
	plain []byte
	begun bool
}

func newLineWriter(w http.ResponseWriter, r *http.Request) *lineWriter {
	l := &lineWriter{w: w}
	if r.Header.Get("Accept") == "application/x-ndjson" {
		w.Header().Set("Content-Type", "application/x-ndjson")
		l.json = json.NewEncoder(w)
	} else {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	return l
}

func (l *lineWriter) put(in conlog.Line) error {
	l.begun = true
	text := vt.Strip(l.plain[:0], in.Text)
	l.plain = text
	if l.json != nil {
		return l.json.Encode(line{in.At, string(text), in.Open})
	}
	_, err := fmt.Fprintf(l.w, "%s %s\n", in.At.Format(stamp), text)
	return err
}

// end passes an error on while the answer has not begun. Later it can only be
// cut off.
func (l *lineWriter) end(err error) error {
	if err != nil && l.begun {
		panic(http.ErrAbortHandler)
	}
	return err
}

// raw gives the exact bytes that the port said since a time.
func (a *api) raw(w http.ResponseWriter, r *http.Request, _ *user, c *console) error {
	since, err := when(r, "since")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="`+c.Name+`.raw"`)
	begun := false
	err = c.log.Raw(r.Context(), since, func(chunk conlog.Chunk) error {
		begun = true
		_, err := w.Write(chunk.Data)
		return err
	})
	if err != nil && begun {
		panic(http.ErrAbortHandler)
	}
	return err
}

// events gives what happened, a JSON document each. Who came and went is for
// admins: spies are among them.
func (a *api) events(w http.ResponseWriter, r *http.Request, u *user, c *console) error {
	since, err := when(r, "since")
	if err != nil {
		return err
	}
	until, err := when(r, "until")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out, begun := json.NewEncoder(w), false
	err = c.log.Events(r.Context(), since, until, func(e serialcon.Event) error {
		if !u.admin && (e.Kind == serialcon.EventAttached || e.Kind == serialcon.EventDetached) {
			return nil
		}
		begun = true
		return out.Encode(e)
	})
	if err != nil && begun {
		panic(http.ErrAbortHandler)
	}
	return err
}

func (a *api) lastMatch(w http.ResponseWriter, _ *http.Request, _ *user, c *console) error {
	in := c.last.Load()
	if in == nil {
		return errNoMatch
	}
	return answer(w, in)
}
