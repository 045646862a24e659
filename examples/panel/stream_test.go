package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
)

// reader reads server-sent events.
type reader struct {
	t     *testing.T
	lines *bufio.Scanner
}

// listen opens the stream at a cursor. It is closed with the test.
func listen(t *testing.T, url, cursor string, headers ...string) *reader {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/events?after="+cursor, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	reply, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { reply.Body.Close() })
	require.Equal(t, http.StatusOK, reply.StatusCode)
	require.Equal(t, "text/event-stream", reply.Header.Get("Content-Type"))
	lines := bufio.NewScanner(reply.Body)
	lines.Buffer(nil, 1<<20)
	return &reader{t, lines}
}

// next returns the fields of the next event.
func (r *reader) next() map[string]string {
	r.t.Helper()
	fields := make(map[string]string)
	for r.lines.Scan() {
		name, value, ok := strings.Cut(r.lines.Text(), ": ")
		switch {
		case ok && name != "":
			fields[name] = value
		case len(fields) > 0:
			return fields
		}
	}
	require.NoError(r.t, r.lines.Err())
	r.t.Fatal("the stream has ended")
	return nil
}

func (r *reader) news() (n news, cursor string) {
	r.t.Helper()
	e := r.next()
	require.NoError(r.t, json.Unmarshal([]byte(e["data"]), &n))
	return n, e["id"]
}

func TestStream(t *testing.T) {
	b := newTestBoard()
	url, _, _ := newTestSite(t, b)
	r := listen(t, url, "")
	n, _ := r.news()
	require.Len(t, n.Rows, 2, "who does not say where he stands gets everything")

	b.tracker.Observe(event(netboot.PoweredOn, "pi-02"))
	n, cursor := r.news()
	require.Len(t, n.Rows, 1)
	require.Equal(t, "pi-02", n.Rows[0].Name)
	require.Equal(t, "asking", n.Rows[0].Class)
	require.Equal(t, "power is on", n.Lines[0].Text)
	require.Equal(t, "0 of 2 up, 1 asking for an address, 1 off", n.Summary)

	const evil = "</script>\n\ndata: {}"
	b.tracker.Observe(fileEvent(netboot.FileProgress, "pi-02", evil, 1e6, 3e6))
	n, _ = r.news()
	require.Equal(t, int64(1e6), n.Rows[0].Bytes)
	require.Equal(t, "</script>\ufffd\ufffddata: {}", n.Rows[0].File)

	again := listen(t, url, "whatever", "Last-Event-ID", cursor)
	n, _ = again.news()
	require.Len(t, n.Rows, 1, "who comes back gets what he has missed")
	require.Empty(t, n.Lines)
}

func TestStreamOfAnotherProcess(t *testing.T) {
	url, _, _ := newTestSite(t, newTestBoard())
	r := listen(t, url, newBoard(time.Unix(2, 0)).epoch+"-7")
	require.Equal(t, "restart", r.next()["event"])
	require.False(t, r.lines.Scan(), "the page starts over by itself")
}

func TestStreamLimit(t *testing.T) {
	url, _, s := newTestSite(t, newTestBoard())
	for range maxStreams {
		s.streams <- struct{}{}
	}
	reply, _ := do(t, "GET", url+"/events")
	require.Equal(t, http.StatusServiceUnavailable, reply.StatusCode)
	<-s.streams
	listen(t, url, "").news()
}

// A reader that takes nothing holds up neither the servers nor other readers.
func TestStreamSlowReader(t *testing.T) {
	b := newTestBoard()
	url, _, _ := newTestSite(t, b)
	var d net.Dialer
	slow, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	defer slow.Close()
	require.NoError(t, slow.(*net.TCPConn).SetReadBuffer(4096))
	fmt.Fprintf(slow, "GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

	quick := listen(t, url, "")
	quick.news()
	name := strings.Repeat("x", 150)
	for i := range 20000 {
		b.tracker.Observe(fileEvent(netboot.FileServed, "pi-01", fmt.Sprint(i, name), 1, 1))
	}
	for {
		n, _ := quick.news()
		if last := n.Lines[len(n.Lines)-1]; strings.HasPrefix(last.Text, "loaded 19999x") {
			break
		}
	}
}
