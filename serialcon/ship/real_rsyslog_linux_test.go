package ship_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/serialcon/ship"
)

// rsyslog is Debian's, in a folder of its own, with a file of what came.
type rsyslog struct {
	conf, file string
	program    string
	dir        string
}

// newRsyslog prepares one that listens on an address, by TLS if it has a
// certificate.
func newRsyslog(t *testing.T, address string, secure bool) *rsyslog {
	t.Helper()
	r := &rsyslog{program: peer.Look(t, "rsyslogd"), dir: t.TempDir()}
	r.conf, r.file = filepath.Join(r.dir, "rsyslog.conf"), filepath.Join(r.dir, "out")
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	global, driver := "", ""
	if secure {
		driver = ` StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon"`
		cert, _ := certificate()
		key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
		require.NoError(t, err)
		for name, block := range map[string]*pem.Block{
			"cert.pem": {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, "key.pem": {Type: "PRIVATE KEY", Bytes: key},
		} {
			require.NoError(t, os.WriteFile(filepath.Join(r.dir, name), pem.EncodeToMemory(block), 0o600))
		}
		global = fmt.Sprintf(` DefaultNetstreamDriver="gtls" DefaultNetstreamDriverCAFile="%[1]s/cert.pem" DefaultNetstreamDriverCertFile="%[1]s/cert.pem" DefaultNetstreamDriverKeyFile="%[1]s/key.pem"`, r.dir)
	}
	require.NoError(t, os.WriteFile(r.conf, fmt.Appendf(nil, `
global(workDirectory="%[1]s"%[2]s)
module(load="imtcp"%[3]s)
input(type="imtcp" address="%[4]s" port="%[5]s")
template(name="parts" type="string" string="%%timereported:::date-rfc3339%%|%%hostname%%|%%app-name%%|%%msgid%%|%%syslogfacility-text%%.%%syslogseverity-text%%|%%structured-data%%|%%msg%%\n")
action(type="omfile" file="%[6]s" template="parts")
`, r.dir, global, driver, host, port, r.file), 0o600))
	return r
}

// start runs it. Anything that the configuration lacks, as the package
// rsyslog-gnutls, fails its check.
func (r *rsyslog) start(t *testing.T) *peer.Process {
	t.Helper()
	if out, err := exec.Command(r.program, "-N1", "-f", r.conf).CombinedOutput(); err != nil {
		peer.Skip(t, "rsyslogd does not take the configuration (is rsyslog-gnutls there?): %s", out)
	}
	return peer.Start(t, exec.Command(r.program, "-n", "-f", r.conf, "-i", filepath.Join(r.dir, "pid")), peer.Options{})
}

// lines are what came so far, apart from its own.
func (r *rsyslog) lines(t *testing.T) (out []string) {
	t.Helper()
	text, err := os.ReadFile(r.file)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "[console@") {
			out = append(out, strings.TrimSuffix(line, "\n"))
		}
	}
	return out
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

// Every entry arrives once, in order, with its time, names, severity and text,
// and one that would be too long does not become two.
func TestRealRsyslogTakesEveryLine(t *testing.T) {
	for name, secure := range map[string]bool{"TLS": true, "TCP with octet counting": false} {
		t.Run(name, func(t *testing.T) {
			address := freeAddress(t)
			r := newRsyslog(t, address, secure)
			r.start(t)
			_, trust := certificate()
			s := &ship.Syslog{Addr: address, TLS: trust, Plain: !secure, Host: "con1", App: "serialcond", Backoff: 200 * time.Millisecond}
			s.Send(ship.Entry{Console: `a"]b`, At: at, Event: "attached", Text: "alice\n<0>1 forged \x1b[2J\xff ünï"})
			s.Send(ship.Entry{Console: "pi-042", At: at, Text: strings.Repeat("\x1b", 7<<10) + "<130>1 - forged - - - - too long"})
			s.Send(ship.Entry{Console: "pi-042", At: at, Text: "Kernel panic - not syncing", Severity: ship.Critical})
			want := []string{
				`|con1|serialcond|event|local0.notice|[console@32473 name="a\"\]b" event="attached"]|alice\n<0>1 forged \x1b[2J\xff ünï`,
				`|con1|serialcond|line|local0.info|[console@32473 name="pi-042"]|` + strings.Repeat(`\x1b`, 1792) + "…",
				`|con1|serialcond|line|local0.crit|[console@32473 name="pi-042"]|Kernel panic - not syncing`,
			}
			for i := range want {
				want[i] = "2026-11-26T06:46:03.123Z" + want[i]
			}
			for i := range 2000 {
				when := at.Add(time.Duration(i) * time.Millisecond)
				text := strconv.Itoa(i) + strings.Repeat(" tick", i%40)
				s.Send(ship.Entry{Console: "pi-042", At: when, Text: text})
				want = append(want, when.Format("2006-01-02T15:04:05.000Z07:00")+`|con1|serialcond|line|local0.info|[console@32473 name="pi-042"]|`+text)
			}
			run(t, s)
			require.Eventually(t, func() bool { return len(r.lines(t)) >= len(want) }, time.Minute, 20*time.Millisecond)
			require.Equal(t, want, trimmed(r.lines(t)))
		})
	}
}

// trimmed takes off the space that rsyslog keeps before a text, and zeros of
// fractions that it writes its own way.
func trimmed(lines []string) []string {
	for i, line := range lines {
		parts := strings.SplitN(line, "|", 7)
		when, err := time.Parse(time.RFC3339Nano, parts[0])
		if err != nil {
			continue
		}
		parts[0] = when.UTC().Format("2006-01-02T15:04:05.000Z07:00")
		parts[6] = strings.TrimPrefix(parts[6], " ")
		lines[i] = strings.Join(parts, "|")
	}
	return lines
}

// A receiver that is stopped and started again while lines are sent loses none:
// what was sent last before it went is sent again.
func TestRealRsyslogIsRestarted(t *testing.T) {
	for name, secure := range map[string]bool{"TLS": true, "TCP": false} {
		t.Run(name, func(t *testing.T) {
			address := freeAddress(t)
			r := newRsyslog(t, address, secure)
			p := r.start(t)
			_, trust := certificate()
			s := &ship.Syslog{Addr: address, TLS: trust, Plain: !secure, Backoff: 200 * time.Millisecond}
			run(t, s)
			sent := 0
			send := func(n int) {
				for range n {
					s.Send(ship.Entry{Console: "pi-042", At: at, Text: "n" + strconv.Itoa(sent)})
					sent++
				}
			}
			for range 3 {
				send(500)
				require.Eventually(t, func() bool { return len(r.lines(t)) > sent-500 }, time.Minute, time.Millisecond, "it takes lines")
				p.Stop()
				send(500)
				p = r.start(t)
			}
			missing := func() (out []string) {
				had := map[string]bool{}
				for _, line := range r.lines(t) {
					had[strings.TrimPrefix(line[strings.LastIndexByte(line, '|')+1:], " ")] = true
				}
				for i := range sent {
					if text := "n" + strconv.Itoa(i); !had[text] {
						out = append(out, text)
					}
				}
				return out
			}
			require.Eventually(t, func() bool { return len(missing()) == 0 }, time.Minute, 20*time.Millisecond)
		})
	}
}
