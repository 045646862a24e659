package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// site is the name that all is asked by.
const site = "localhost"

// Where everybody listens.
const (
	front     = "127.0.0.1:9600"
	frontHTTP = "127.0.0.1:9601"
	rawServer = "[::1]:9500" // of this program
	tlsServer = "[::1]:9443" // nginx
	webServer = "[::1]:9080" // nginx
)

// lab is what proxies are measured with: a folder, servers, and our proxy built.
type lab struct {
	dir    string
	ours   string
	origin *proxy
	raw    net.Listener
}

func newLab(ctx context.Context) (*lab, error) {
	dir, err := os.MkdirTemp("", "sniproxy-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{dir: dir, ours: filepath.Join(dir, "sniproxyd")}
	build := exec.CommandContext(ctx, "go", "build", "-o", l.ours, "github.com/mythic-beasts/hostkit/examples/sniproxyd")
	if out, err := build.CombinedOutput(); err != nil {
		return l, fmt.Errorf("build our proxy: %w: %s", err, out)
	}
	if err := l.writeCertificate(); err != nil {
		return l, err
	}
	if l.raw, err = listenRaw(); err != nil {
		return l, err
	}
	l.origin, err = l.run(ctx, "origin", l.write("origin.conf", originConf), nil, tlsServer, webServer)
	return l, err
}

func (l *lab) close() {
	if l.origin != nil {
		l.origin.stop()
	}
	if l.raw != nil {
		l.raw.Close()
	}
	os.RemoveAll(l.dir)
}

// writeCertificate makes the one of the TLS server.
func (l *lab) writeCertificate() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: site}, DNSNames: []string{site},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(l.dir, "cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(filepath.Join(l.dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}

// names are the proxies to measure.
func (l *lab) names(chosen *regexp.Regexp, http bool) (names []string) {
	all := []string{"ours", "portable", "nginx", "haproxy"}
	if !http {
		all = append(all, "direct")
	}
	for _, name := range all {
		if chosen.MatchString(name) || name == "direct" {
			names = append(names, name)
		}
	}
	return names
}

// proxy is a running one. Nil stands for none: clients go to the server.
type proxy struct {
	name    string
	cmd     *exec.Cmd
	stopped bool
}

// start runs a proxy that relays to the raw server; with http it is for HTTP.
func (l *lab) start(ctx context.Context, name string, http bool) (*proxy, error) {
	return l.startFor(ctx, name, rawServer, http)
}

func (l *lab) startFor(ctx context.Context, name, server string, http bool) (*proxy, error) {
	if name == "direct" {
		return nil, nil
	}
	args, err := l.command(name, server, http)
	if err != nil {
		return nil, err
	}
	addr := front
	if http {
		addr = frontHTTP
	}
	return l.run(ctx, name, "", args, addr)
}

// run starts a program, nginx if only a configuration is given, and waits until
// it listens.
func (l *lab) run(ctx context.Context, name, nginxConf string, args []string, addrs ...string) (*proxy, error) {
	if args == nil {
		args = nginxArgs(nginxConf, l.dir)
	}
	said, err := os.Create(filepath.Join(l.dir, name+".log"))
	if err != nil {
		return nil, err
	}
	defer said.Close()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &proxy{name: name, cmd: cmd}
	for _, addr := range addrs {
		if err := await(ctx, addr); err != nil {
			p.stop()
			return nil, fmt.Errorf("%s: %w; it said: %q", name, err, l.said(name))
		}
	}
	return p, nil
}

// said is what a program has said.
func (l *lab) said(name string) []byte {
	text, err := os.ReadFile(filepath.Join(l.dir, name+".log"))
	if err != nil {
		return []byte(err.Error())
	}
	return text
}

// await waits until somebody listens.
func await(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (p *proxy) pid() int {
	if p == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// stop ends all of it: the parent first, or it would start a worker again. It
// returns when nobody listens any more.
func (p *proxy) stop() {
	if p == nil || p.stopped {
		return
	}
	p.stopped = true
	all := tree(p.pid())
	for _, pid := range all {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = p.cmd.Wait() // it was killed
	for _, addr := range []string{front, frontHTTP} {
		for {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				break
			}
			c.Close()
			time.Sleep(time.Millisecond)
		}
	}
}

// target is where clients of the proxy connect.
func (p *proxy) target(server string) string {
	if p == nil {
		return server
	}
	return front
}
