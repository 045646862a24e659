package main

import (
	"bufio"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/internal/pebbletest"
)

// faultKnobs are how unkind the authority is.
type faultKnobs struct {
	BadNonces, Faults int // of a hundred
}

// world is where an authority and its DNS are.
type world struct {
	Directory string
	Root      string         // of the authority's server, in PEM
	DNS       netip.AddrPort // a resolver
	Edit      string         // takes changes of the DNS, see [editor]
}

// serve is a process with Pebble and the DNS that it looks at. It says where they are,
// and ends with its input.
func serve(knobs string) error {
	var k faultKnobs
	if err := json.Unmarshal([]byte(knobs), &k); err != nil {
		return err
	}
	var h host
	defer h.cleanUp()
	d := acmetest.NewDNS(&h, acmetest.DNSOptions{})
	p := pebbletest.New(&h, pebbletest.Options{DNS: d.Addr(), BadNonces: k.BadNonces, Faults: k.Faults})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	go acceptEdits(l, d)
	w := world{
		Directory: p.URL(), DNS: d.Addr(), Edit: l.Addr().String(),
		Root: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.ServerCertificate().Raw})),
	}
	if err := json.NewEncoder(os.Stdout).Encode(w); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func acceptEdits(l net.Listener, d *acmetest.DNS) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go edits(conn, d)
	}
}

// edits carries out lines of "+name value" or "-name value", and answers each.
func edits(conn net.Conn, d *acmetest.DNS) {
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		line := lines.Text()
		name, value, _ := strings.Cut(line[min(1, len(line)):], " ")
		change := d.AddTXT
		if strings.HasPrefix(line, "-") {
			change = d.DeleteTXT
		}
		answer := "ok"
		if err := change(background, dns01.TXT{Name: name, Value: value}); err != nil {
			answer = err.Error()
		}
		if _, err := fmt.Fprintln(conn, answer); err != nil {
			return
		}
	}
}

// editor changes records in the DNS of a world, in no time worth to mention.
type editor struct {
	mu    sync.Mutex
	conn  net.Conn       // guarded by mu
	reply *bufio.Scanner // guarded by mu
}

func newEditor(w *world) (*editor, error) {
	conn, err := net.Dial("tcp", w.Edit)
	if err != nil {
		return nil, err
	}
	return &editor{conn: conn, reply: bufio.NewScanner(conn)}, nil
}

func (e *editor) edit(op, name, value string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, err := fmt.Fprintf(e.conn, "%s%s %s\n", op, name, value); err != nil {
		return err
	}
	if !e.reply.Scan() {
		return io.ErrUnexpectedEOF
	}
	if text := e.reply.Text(); text != "ok" {
		return fmt.Errorf("%s%s: %s", op, name, text)
	}
	return nil
}
