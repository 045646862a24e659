package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

// A certificate without the daemon: lines for each name, where it is, and a renewal.
func TestIssue(t *testing.T) {
	r := newRig(t)
	r.configure()
	said := r.must("issue", "-as", "one", "-key-type", "rsa2048", "Example.com.", "*.example.com", "www.example.org")
	for _, name := range []string{`example\.com`, `\*\.example\.com`, `www\.example\.org`} {
		for _, state := range []string{"adding a TXT record", "waiting for name servers", "waiting for the authority", "in the certificate"} {
			require.Regexp(t, `(?m)^ +\d+\.\ds  `+name+` +`+state+`$`, said)
		}
	}
	require.NotContains(t, said, "\x1b")
	require.Contains(t, said, "one is in "+r.path("state/certs/one")+"\nit is not configured, so nobody renews it\n")
	leaf := r.leaf("one")
	require.Equal(t, "RSA", leaf.PublicKeyAlgorithm.String())
	require.Len(t, leaf.DNSNames, 3)
	r.requireNoTXT()
	require.Contains(t, r.must("status"), "one: valid until")
	r.must("issue", "-as", "one", "example.com")
	require.NotEqual(t, leaf.SerialNumber, r.leaf("one").SerialNumber)
	requirePrivate(t, r.path("state"))
}

// One that is configured is as it is configured, and its command is run: here, or by the
// daemon if one runs.
func TestIssueConfigured(t *testing.T) {
	r := newRig(t)
	deploy := r.script("deploy", fmt.Sprintf("echo $PPID >>%s", r.path("deployed")))
	r.certificate(`"*.example.com"`, fmt.Sprintf("key_type = \"ec384\"\ndeploy = [%q]", deploy))
	r.configure()
	r.must("issue", "*.example.com")
	require.Equal(t, 1, strings.Count(r.read("deployed"), "\n"))
	require.Equal(t, elliptic.P384(), r.leaf("example.com").PublicKey.(*ecdsa.PublicKey).Curve)

	r.start()
	first := r.leaf("example.com")
	require.NotContains(t, r.must("issue", "*.example.com"), "nobody renews it")
	require.NotEqual(t, first.SerialNumber, r.leaf("example.com").SerialNumber)
	r.await("the daemon's command", func() bool {
		return strings.HasSuffix(r.read("deployed"), fmt.Sprintf("\n%d\n", r.cmd.Process.Pid))
	})
	require.Equal(t, 2, strings.Count(r.read("deployed"), "\n"))
}

// A failure is told for each name, and by the exit status.
func TestIssueFails(t *testing.T) {
	r := newRig(t)
	r.configure()
	r.mythic.Fail(acmetest.MythicFault{Method: "POST", Path: "/dns/v2/zones/example.org", Times: -1, Status: 403, Body: `{"error":"Access denied"}`})
	said, err := r.run("issue", "example.com", "www.example.org")
	exit, ok := errors.AsType[*exec.ExitError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, 1, exit.ExitCode())
	require.ErrorContains(t, err, "Access denied")
	require.Equal(t, 1, strings.Count(err.Error(), "Access denied"), "told once")
	require.Regexp(t, `www\.example\.org +no TXT record\n`, said)
	require.Regexp(t, `example\.com +no certificate\n`, said)
	require.Nil(t, r.leaf("example.com"))
	r.requireNoTXT()
}

// On a terminal the lines are drawn again in their places.
func TestRealIssueOnTerminal(t *testing.T) {
	script := peer.Look(t, "script")
	r := newRig(t)
	r.configure()
	cmd := exec.CommandContext(t.Context(), script, "-qec", "acmed -config "+r.path("acmed.toml")+" issue example.com www.example.com", "/dev/null")
	cmd.Env = append(cmd.Environ(), "TERM=xterm")
	cmd.Stdin = bytes.NewReader(nil)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "\x1b[2A\x1b[2K")
	require.NotEmpty(t, regexp.MustCompile(`example\.com +in the certificate`).FindString(string(out)))
}

func TestProgressOfOthersNames(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, []string{"example.com"})
	p.set("example.net", "x")
	p.set("example.com", "there")
	p.set("example.com", "there")
	require.Regexp(t, `^ +0\.\ds  example\.com  there\n$`, out.String())
}
