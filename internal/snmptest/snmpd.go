package snmptest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// SnmpdConfig says how net-snmp's agent is to run. The zero value has the
// communities "public" and "private" and serves what snmpd itself knows.
type SnmpdConfig struct {
	// Agent is whose objects it serves below Roots, through pass_persist: one
	// variable at a time, so that a SET of several is not atomic.
	Agent *Agent
	Roots []snmpx.OID

	ReadCommunity, WriteCommunity string // empty means "public" and "private"

	Users    []SnmpdUser
	EngineID string   // in hexadecimal; empty leaves it to snmpd
	Addr     string   // to come back at, as "127.0.0.1:40161"; empty is a free port
	Lines    []string // of snmpd.conf, besides
}

// SnmpdUser is a user of SNMPv3. It may do all at the level that it has keys
// for, and nothing below it.
type SnmpdUser struct {
	Name           string
	Auth, AuthPass string // as "SHA-256"; empty is none
	Priv, PrivPass string // as "AES"; empty is none
	ReadOnly       bool
}

// Daemon is a program that runs until the test ends.
type Daemon struct {
	Addr    string // where it answers, as "127.0.0.1:40161"
	process *peer.Process
}

// Stop ends it now.
func (d *Daemon) Stop() { d.process.Stop() }

// Output is what it has said.
func (d *Daemon) Output() string { return d.process.Output() }

// StartSnmpd runs net-snmp's snmpd on 127.0.0.1 until the test ends and returns
// its address. Without snmpd the test is skipped, or fails where everything has
// to be there.
func StartSnmpd(tb testing.TB, c SnmpdConfig) (addr string) {
	tb.Helper()
	return RunSnmpd(tb, c).Addr
}

// RunSnmpd is [StartSnmpd] for tests that stop it themselves.
func RunSnmpd(tb testing.TB, c SnmpdConfig) *Daemon {
	tb.Helper()
	snmpd := peer.Look(tb, "snmpd")
	dir := tb.TempDir()
	addr := cmp.Or(c.Addr, freeAddr(tb))
	conf := c.lines(addr)
	if c.Agent != nil {
		bridge := startBridge(tb, dir, c.Agent)
		for _, root := range c.Roots {
			conf = append(conf, fmt.Sprintf("pass_persist .%s %s", root, bridge))
		}
	}
	file := filepath.Join(dir, "snmpd.conf")
	if err := os.WriteFile(file, []byte(strings.Join(conf, "\n")+"\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(snmpd, "-f", "-Lo", "-C", "-c", file, "-p", filepath.Join(dir, "pid"))
	cmd.Env = append(os.Environ(), "SNMP_PERSISTENT_DIR="+dir, "MIBS=")
	community := cmp.Or(c.ReadCommunity, "public")
	p := peer.Start(tb, cmd, peer.Options{Ready: func(ctx context.Context) error { return ask(ctx, addr, community) }})
	return &Daemon{addr, p}
}

func (c *SnmpdConfig) lines(addr string) []string {
	conf := []string{
		"agentAddress udp:" + addr,
		"rocommunity " + cmp.Or(c.ReadCommunity, "public") + " 127.0.0.1",
		"rwcommunity " + cmp.Or(c.WriteCommunity, "private") + " 127.0.0.1",
	}
	if c.EngineID != "" {
		conf = append(conf, "exactEngineID 0x"+c.EngineID)
	}
	for _, u := range c.Users {
		create, level := "createUser "+u.Name, "noauth"
		if u.Auth != "" {
			create, level = create+fmt.Sprintf(" %s %q", u.Auth, u.AuthPass), "auth"
		}
		if u.Priv != "" {
			create, level = create+fmt.Sprintf(" %s %q", u.Priv, u.PrivPass), "priv"
		}
		may := "rwuser "
		if u.ReadOnly {
			may = "rouser "
		}
		conf = append(conf, create, may+u.Name+" "+level)
	}
	return append(conf, c.Lines...)
}

// bridge connects the pipes of snmpd with a socket of the test's.
const bridge = `#!/usr/bin/perl
use strict; use IO::Socket::UNIX;
my $s = IO::Socket::UNIX->new(Peer => "%s") or die "connect: $!";
my ($from, $to) = (\*STDIN, $s);
my $pid = fork();
($from, $to) = ($s, \*STDOUT) if !$pid;
my $b;
while (sysread($from, $b, 65536)) { syswrite($to, $b) }
kill 'TERM', $pid if $pid;
`

// startBridge serves the agent for as many programs as snmpd starts, and returns
// the command for one.
func startBridge(tb testing.TB, dir string, a *Agent) (command string) {
	tb.Helper()
	peer.Look(tb, "perl")
	socket := filepath.Join(dir, "s")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		tb.Fatalf("snmptest: %v", err)
	}
	command = filepath.Join(dir, "bridge")
	if err := os.WriteFile(command, fmt.Appendf(nil, bridge, socket), 0o700); err != nil {
		tb.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				if err := a.servePass(conn); err != nil && !errors.Is(err, net.ErrClosed) {
					tb.Errorf("%v", err)
				}
			})
		}
	})
	tb.Cleanup(func() { // after snmpd was stopped, and its programs with it
		ln.Close()
		serving.Wait()
	})
	return command
}

// freeAddr is a UDP address of this host that nobody has.
func freeAddr(tb testing.TB) string {
	tb.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("snmptest: %v", err)
	}
	defer conn.Close()
	return conn.LocalAddr().String()
}

// ask returns nil once an agent answers anything.
func ask(ctx context.Context, addr, community string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	sysUpTime := snmpx.MustOID("1.3.6.1.2.1.1.3.0")
	m := message{community: community, kind: Get, id: 1, vars: appendVar(nil, sysUpTime.AppendBER(nil), snmpx.Value{})}
	if _, err := conn.Write(m.append(nil)); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1500))
	return err
}
