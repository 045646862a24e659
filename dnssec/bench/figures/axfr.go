package main

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec/bench/zonegen"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
)

// The TSIG key of the transfers, which guards nothing.
const (
	tsigName   = "figures."
	tsigSecret = "0123456789abcdef0123456789abcdef"
)

// transferWhole measures a zone transfer with TSIG to a client that does no more than
// count records.
func transferWhole(ctx context.Context, o *options, l *lab) error {
	z, err := l.zone(zonegen.Hosting, o.names)
	if err != nil {
		return err
	}
	file, err := z.signedFile(ctx)
	if err != nil {
		return err
	}
	subjects := []subject{}
	for _, name := range []string{"ours", "nsd", "knotd"} {
		if name != "ours" && !o.programs.MatchString(name) {
			continue
		}
		s, err := z.startPrimary(ctx, name, file)
		if err != nil {
			return err
		}
		defer s.stop()
		subjects = append(subjects, subject{name, func(ctx context.Context) (figure, error) { return s.transfer(ctx, z.origin+".") }})
	}
	return o.compare(ctx, comparison{
		title:    fmt.Sprintf("transfer a signed zone of %d names with TSIG, hosting, NSEC", o.names),
		units:    []string{"s wall", "s CPU", "MB sent"},
		goals:    []goal{{program: "nsd", wall: 1.1, size: 1.1}},
		subjects: subjects,
	})
}

// startPrimary starts a server of the signed zone.
func (z *zone) startPrimary(ctx context.Context, name, file string) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	folder := z.path("axfr-" + name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	conf, secret := filepath.Join(folder, "conf"), base64.StdEncoding.EncodeToString([]byte(tsigSecret))
	var cmd *exec.Cmd
	var text string
	switch name {
	case "ours":
		cmd = ourselves("serve", z.origin, file, strconv.Itoa(port)).run
	case "nsd":
		cmd = exec.Command("nsd", "-d", "-c", conf)
		text = fmt.Sprintf(`server:
  ip-address: 127.0.0.1@%d
  username: ""
  chroot: ""
  database: ""
  server-count: 1
  pidfile: "%[2]s/pid"
  xfrdfile: "%[2]s/xfrd"
  zonelistfile: "%[2]s/list"
  xfrdir: "%[2]s"
  zonesdir: "%[2]s"
remote-control:
  control-enable: no
key:
  name: %[3]s
  algorithm: hmac-sha256
  secret: "%[4]s"
zone:
  name: %[5]s
  zonefile: "%[6]s"
  provide-xfr: 127.0.0.1 %[3]s
`, port, folder, tsigName, secret, z.origin, file)
	case "knotd":
		cmd = exec.Command("knotd", "-c", conf)
		text = fmt.Sprintf(`server:
    rundir: "%[2]s"
    listen: 127.0.0.1@%[1]d
database:
    storage: "%[2]s"
log:
  - target: stderr
    any: warning
key:
  - id: %[3]s
    algorithm: hmac-sha256
    secret: %[4]s
acl:
  - id: a
    key: %[3]s
    action: transfer
zone:
  - domain: %[5]s
    file: %[6]s
    acl: a
`, port, folder, tsigName, secret, z.origin, file)
	}
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, err
	}
	s, err := startServer(ctx, cmd, port)
	if err != nil {
		return nil, err
	}
	return s, s.ready(ctx, z.origin+".")
}

// serveZone is our server, whose transfers are measured.
func serveZone(ctx context.Context, args []string) error {
	z, err := readZone(args[0], args[1])
	if err != nil {
		return err
	}
	s := &serve.Server{
		Keys:    []serve.Key{{Name: tsigName, Secret: []byte(tsigSecret)}},
		Default: serve.Config{Transfer: []serve.Access{{Prefix: netip.MustParsePrefix("127.0.0.0/8"), Key: tsigName}}},
	}
	if err := s.Publish(ctx, z); err != nil {
		return err
	}
	return s.ListenAndServe(ctx, "127.0.0.1:"+args[2])
}

// transfer asks for the zone, and counts until its second SOA.
func (s *server) transfer(ctx context.Context, origin string) (figure, error) {
	m := new(dns.Msg).SetAxfr(origin)
	m.SetTsig(tsigName, dns.HmacSHA256, 300, time.Now().Unix())
	secret := base64.StdEncoding.EncodeToString([]byte(tsigSecret))
	query, _, err := dns.TsigGenerate(m, secret, "", false)
	if err != nil {
		return figure{}, err
	}
	used, start := s.cpu(), time.Now()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return figure{}, err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)); err != nil {
		return figure{}, err
	}
	octets, err := countTransfer(conn)
	if err != nil {
		return figure{}, fmt.Errorf("%s: %w", s.cmd.Path, err)
	}
	return figure{wall: time.Since(start).Seconds(), cpu: (s.cpu() - used).Seconds(), size: float64(octets) / 1e6}, nil
}

// countTransfer reads messages up to the second SOA, and returns their length.
func countTransfer(r io.Reader) (octets int, err error) {
	b := make([]byte, 2+1<<16)
	for soas := 0; soas < 2; {
		if _, err := io.ReadFull(r, b[:2]); err != nil {
			return 0, err
		}
		n := int(binary.BigEndian.Uint16(b))
		if _, err := io.ReadFull(r, b[:n]); err != nil {
			return 0, err
		}
		octets += 2 + n
		found, err := countSOA(b[:n])
		if err != nil {
			return 0, err
		}
		soas += found
	}
	return octets, nil
}

var errMessage = errors.New("a message that is not one of a transfer")

// countSOA counts the SOA records among the answers of a message.
func countSOA(b []byte) (soas int, err error) {
	if len(b) < 12 || b[3]&15 != 0 {
		return 0, errMessage
	}
	questions, answers := binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])
	at := 12
	for range questions {
		at = afterName(b, at) + 4
	}
	for range answers {
		at = afterName(b, at)
		if at+10 > len(b) {
			return 0, errMessage
		}
		if binary.BigEndian.Uint16(b[at:]) == dns.TypeSOA {
			soas++
		}
		at += 10 + int(binary.BigEndian.Uint16(b[at+8:]))
	}
	if at > len(b) || answers == 0 {
		return 0, errMessage
	}
	return soas, nil
}

// afterName is where a name ends, which a pointer does too.
func afterName(b []byte, at int) int {
	for at < len(b) {
		switch c := int(b[at]); {
		case c == 0:
			return at + 1
		case c >= 0xc0:
			return at + 2
		default:
			at += 1 + c
		}
	}
	return at
}
