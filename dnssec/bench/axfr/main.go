// Axfr measures whole transfers with TSIG from our server and from NSD, in turns in
// one run, by one client that reads as fast as it can:
//
//	go run ./dnssec/bench/axfr [-rounds 9] [-names 85000]
//
// The zone is of the size that 490,000 records make. Each server is a process of its
// own, on loopback.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/bench/zonegen"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
)

const (
	origin  = "hosting.test"
	keyData = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

func main() {
	rounds := flag.Int("rounds", 9, "how often, in turns; the median counts")
	names := flag.Int("names", 85_000, "names of the zone")
	inside := flag.String("inside", "", "serve this zone file (it starts itself so)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := errors.New("-inside wants an address")
	switch {
	case *inside == "":
		err = measure(ctx, *rounds, *names)
	case flag.NArg() == 1:
		err = serveFile(ctx, *inside, flag.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serveFile is our server.
func serveFile(ctx context.Context, file, addr string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := dnssec.ParseZone(f, origin, dnssec.Options{})
	if err != nil {
		return err
	}
	key, err := serve.ParseKey("xfr.example:" + keyData)
	if err != nil {
		return err
	}
	s := &serve.Server{Keys: []serve.Key{key}, Default: serve.Config{Transfer: []serve.Access{{Key: key.Name}}}}
	if err := s.Publish(ctx, z); err != nil {
		return err
	}
	return s.ListenAndServe(ctx, addr)
}

func measure(ctx context.Context, rounds, names int) error {
	folder, err := os.MkdirTemp("", "axfr")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "zone")
	records, err := makeZone(ctx, file, names)
	if err != nil {
		return err
	}
	fmt.Printf("%d records, %d rounds\n", records, rounds)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	servers := []*server{{name: "hostkit"}, {name: "nsd"}}
	for _, s := range servers {
		if err := s.start(ctx, folder, file); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	for range rounds {
		for _, s := range servers {
			r, err := transfer(ctx, s.addr, records)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			s.walls = append(s.walls, r.wall)
			s.result = r
		}
	}
	for _, s := range servers {
		slices.Sort(s.walls)
		fmt.Printf("%-8s wall %4d ms (least %d)  octets %d  messages %d\n", s.name,
			s.median().Milliseconds(), s.walls[0].Milliseconds(), s.result.octets, s.result.messages)
	}
	us, nsd := servers[0], servers[1]
	fmt.Printf("ratio    wall %.2f  octets %.3f\n", float64(us.median())/float64(nsd.median()), float64(us.result.octets)/float64(nsd.result.octets))
	return nil
}

// makeZone writes a signed zone, and says how many records it has.
func makeZone(ctx context.Context, file string, names int) (int, error) {
	var unsigned strings.Builder
	if err := zonegen.Write(&unsigned, zonegen.Options{Profile: "hosting", Names: names}); err != nil {
		return 0, err
	}
	z, err := dnssec.ParseZone(strings.NewReader(unsigned.String()), origin, dnssec.Options{})
	if err != nil {
		return 0, err
	}
	key, err := dnssec.GenerateKey(origin, dnssec.KeyOptions{SEP: true})
	if err != nil {
		return 0, err
	}
	signer := dnssec.Signer{BatchECDSA: true}
	z, _, err = signer.Sign(ctx, z, nil, []dnssec.KeyUse{dnssec.CSK(key)}, time.Now())
	if err != nil {
		return 0, err
	}
	f, err := os.Create(file)
	if err != nil {
		return 0, err
	}
	if _, err := z.WriteTo(f); err != nil {
		return 0, errors.Join(err, f.Close())
	}
	return z.Records(), f.Close()
}

// server is one that is measured.
type server struct {
	name, addr string
	walls      []time.Duration
	result     result
}

func (s *server) median() time.Duration { return s.walls[len(s.walls)/2] }

func (s *server) start(ctx context.Context, folder, file string) error {
	var err error
	if s.addr, err = free(ctx); err != nil {
		return err
	}
	var cmd *exec.Cmd
	if s.name == "nsd" {
		conf, err := nsdConf(folder, file, s.addr)
		if err != nil {
			return err
		}
		cmd = exec.CommandContext(ctx, "nsd", "-d", "-c", conf)
	} else {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		cmd = exec.CommandContext(ctx, self, "-inside", file, s.addr)
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }()
	for range 600 {
		c, err := net.Dial("tcp", s.addr)
		if err == nil {
			_ = c.Close()
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return errors.New("does not listen after a minute")
}

func free(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func nsdConf(folder, file, addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "nsd.conf")
	return path, os.WriteFile(path, []byte(strings.NewReplacer("FOLDER", folder, "FILE", file, "ADDR", host, "PORT", port,
		"ZONE", origin, "SECRET", keyData).Replace(`server:
  ip-address: ADDR
  port: PORT
  username: ""
  chroot: ""
  zonesdir: "FOLDER"
  database: ""
  pidfile: ""
  xfrdfile: "FOLDER/xfrd"
  zonelistfile: "FOLDER/zones"
  xfrdir: "FOLDER"
  server-count: 1
remote-control:
  control-enable: no
key:
  name: "xfr.example"
  algorithm: hmac-sha256
  secret: "SECRET"
zone:
  name: "ZONE"
  zonefile: "FILE"
  provide-xfr: 127.0.0.0/8 xfr.example
`)), 0o600)
}
