package sniproxytest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// Conformance proves that a [sniproxy.Server] over one engine does what it says.
// It is run for each engine; configure sets the fields that choose it, and may be
// called for many servers.
func Conformance(t *testing.T, configure func(*sniproxy.Server)) {
	c := conformance{configure: configure}
	t.Run("corpus", c.corpus)
	t.Run("refusals", c.refusals)
	t.Run("relaying", c.relaying)
	t.Run("dialling", c.dialling)
	t.Run("limits", c.limits)
	t.Run("fronts", c.fronts)
	t.Run("life", c.life)
	t.Run("http", c.http)
}

// conformance is the suite for one engine.
type conformance struct {
	configure func(*sniproxy.Server)
}

// corpus sends every first flight that we know, with each kind of PROXY header.
func (c conformance) corpus(t *testing.T) {
	for _, version := range []proxyheader.Version{proxyheader.Off, proxyheader.V1, proxyheader.V2} {
		t.Run(version.String(), func(t *testing.T) {
			b := newRecorder(t)
			r := c.rig(t, b.route(Site, sniproxy.Decision{Proxy: version}), func(s *sniproxy.Server) {
				s.Timeouts.Hello = time.Second
			})
			large := c.rig(t, b.route(Site, sniproxy.Decision{Proxy: version}), func(s *sniproxy.Server) {
				s.Hello.Max = 65536
			})
			for _, flight := range Corpus() {
				t.Run(flight.Name, func(t *testing.T) {
					t.Parallel()
					on := r
					if flight.Max != 0 {
						on = large
					}
					on.flight(t, b, flight, version)
				})
			}
		})
	}
}

// flight sends one first flight and checks what both ends see of it.
func (r *rig) flight(t *testing.T, b *recorder, flight Case, version proxyheader.Version) {
	conn := r.dial(t)
	for _, segment := range flight.Segments {
		if _, err := conn.Write(segment); err != nil {
			break // it may be refused before it is whole
		}
	}
	if flight.FIN {
		closeWrite(t, conn)
	}
	if flight.Outcome != Routed {
		got, err := io.ReadAll(conn)
		if want := refusal(flight); !bytes.Equal(got, want) || err != nil {
			t.Fatalf("the client got %x and %v, want %x and the end", got, err, want)
		}
		return
	}
	sent := flight.Bytes()
	want := sent
	if !flight.FIN {
		back := make([]byte, len(sent))
		if _, err := io.ReadFull(conn, back); err != nil {
			t.Fatalf("the echo: %v", err)
		}
		tail := []byte("and this comes later")
		want = append(bytes.Clone(sent), tail...)
		if _, err := conn.Write(tail); err != nil {
			t.Fatal(err)
		}
		closeWrite(t, conn)
		rest, err := io.ReadAll(conn)
		if back = append(back, rest...); err != nil || !bytes.Equal(back, want) {
			t.Fatalf("the client got back %d bytes and %v, not the %d sent", len(back), err, len(want))
		}
	} else if back, err := io.ReadAll(conn); err != nil || !bytes.Equal(back, want) {
		t.Fatalf("the client got back %d bytes and %v, not the %d sent", len(back), err, len(want))
	}
	b.check(t, conn, want, version)
}

// refusal is what a client gets for its flight.
func refusal(flight Case) []byte {
	desc := clienthello.AlertUnrecognizedName
	switch flight.Outcome {
	case Incomplete:
		return nil
	case Refused:
		p := clienthello.Parser{Limits: clienthello.Limits{Max: flight.Max}}
		var info clienthello.Info
		_, err := p.Parse(flight.Bytes(), &info)
		var e *clienthello.Error
		if !errors.As(err, &e) {
			return nil
		}
		if e.Reason == clienthello.PlainHTTP {
			return []byte("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 28\r\n" +
				"Connection: close\r\n\r\nThis port speaks TLS only.\r\n")
		}
		if e.Alert == 0 {
			return nil
		}
		desc = e.Alert
	}
	alert := clienthello.Alert(desc)
	return alert[:]
}

// refusals are those that need no hello of their own shape.
func (c conformance) refusals(t *testing.T) {
	t.Run("no backend listens", func(t *testing.T) {
		r := c.rig(t, routeTo(Site, sniproxy.Decision{}, freePort(t)), nil)
		conn := r.dial(t)
		if _, err := conn.Write(Hello(Site, HelloOptions{})); err != nil {
			t.Fatal(err)
		}
		wantAlert(t, conn, clienthello.AlertInternalError)
		r.wantResult(t, sniproxy.BackendRefused, 1)
	})
	t.Run("unread bytes behind a refused hello do not reset it", func(t *testing.T) {
		r := c.rig(t, routeTo(Site, sniproxy.Decision{}, freePort(t)), nil)
		conn := r.dial(t)
		if _, err := conn.Write(append(Hello("other.example", HelloOptions{}), make([]byte, 100<<10)...)); err != nil {
			t.Fatal(err)
		}
		wantAlert(t, conn, clienthello.AlertUnrecognizedName)
		r.wantResult(t, sniproxy.UnknownName, 1)
	})
}

func wantAlert(t *testing.T, conn net.Conn, desc uint8) {
	t.Helper()
	got, err := io.ReadAll(conn)
	if want := clienthello.Alert(desc); err != nil || !bytes.Equal(got, want[:]) {
		t.Fatalf("the client got %x and %v, want the alert %d and the end", got, err, desc)
	}
	conn.Close()
}
