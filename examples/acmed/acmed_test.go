package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
)

// A first certificate, its command, a renewal by force, one that a reload adds, and the
// numbers of all this.
func TestDaemon(t *testing.T) {
	r := newRig(t)
	deploy := r.script("deploy", fmt.Sprintf("env >%s; test -r \"$ACMED_KEY\" && echo \"$ACMED_CERTIFICATE\" >>%s", r.path("env"), r.path("deployed")))
	r.certificate(`"example.com", "*.example.com"`, fmt.Sprintf("deploy = [%q]", deploy))
	r.start()
	first := r.awaitLeaf("example.com")
	require.ElementsMatch(t, []string{"example.com", "*.example.com"}, first.DNSNames)
	r.await("the command", func() bool { return r.read("deployed") == "example.com\n" })
	env := r.read("env")
	require.Contains(t, env, "ACMED_NAMES="+strings.Join(first.DNSNames, " "))
	require.Contains(t, env, "ACMED_FULLCHAIN="+filepath.Join(r.certs, "example.com", "fullchain.pem"))
	require.NotContains(t, env, "PRIVATE KEY")
	require.NotContains(t, env, acmetest.MythicSecret)

	r.await("what is remembered", func() bool { v := r.status("example.com"); return v.Deploy != nil && !v.Deploy.Pending })
	said := r.must("renew", "example.com")
	require.Contains(t, said, "example.com: valid until")
	second := r.leaf("example.com")
	require.NotEqual(t, first.SerialNumber, second.SerialNumber)
	r.await("the command again", func() bool { return r.read("deployed") == "example.com\nexample.com\n" })

	r.certificate(`"www.example.org"`, "")
	r.reload()
	r.awaitLeaf("www.example.org")
	r.await("the records' end", func() bool { return len(r.txt()) == 0 })
	require.Equal(t, second.SerialNumber, r.leaf("example.com").SerialNumber, "left alone")

	var page string
	r.await("a plan for the new one", func() bool {
		page = r.page("/metrics")
		return strings.Contains(page, `hostkit_acme_next_renewal_timestamp_seconds{certificate="www.example.org"}`)
	})
	require.Contains(t, page, fmt.Sprintf(`hostkit_acme_certificate_expiry_timestamp_seconds{certificate="example.com"} %g`, float64(second.NotAfter.Unix())))
	require.Contains(t, page, `hostkit_acme_events_total{certificate="example.com",kind="issued"} 1`)
	require.Contains(t, page, `hostkit_acme_events_total{certificate="example.com",kind="renewed"} 1`)
	require.Contains(t, page, `hostkit_acme_deploy_pending{certificate="example.com"} 0`)
	require.Contains(t, page, `hostkit_acme_failures{certificate="www.example.org"} 0`)
	require.NotContains(t, page, `hostkit_acme_deploy_pending{certificate="www.example.org"}`)
	require.Equal(t, "ok\n", r.page("/healthz"))

	r.end(syscall.SIGTERM)
	require.NotContains(t, r.said(), acmetest.MythicSecret)
	require.NotContains(t, r.said(), "PRIVATE KEY")
	requirePrivate(t, r.path("state"))
	require.NoError(t, os.Remove(r.path("deployed")))
	r.start()
	r.await("the status", func() bool { return strings.Contains(r.must("status"), "next renewal at") })
	require.Equal(t, second.SerialNumber, r.leaf("example.com").SerialNumber, "over a restart")
	require.Empty(t, r.read("deployed"), "it is deployed already")
}

// requirePrivate finds what others may read.
func requirePrivate(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, "%s is %v", path, info.Mode())
		return nil
	}))
}

// A configuration is changed: certificates come, change and go, and so does the DNS
// service; what needs a restart or is wrong changes nothing.
func TestReload(t *testing.T) {
	r := newRig(t)
	r.certificate(`"a.example.com"`, "")
	r.start()
	before := r.awaitLeaf("a.example.com")

	good := r.config
	r.config += "[[certificate]]\nnames = [\"a..b\"]\n"
	r.reload()
	r.await("the fault", func() bool { return strings.Contains(r.said(), `certificate[1].names[0] = \"a..b\"`) })
	r.config = "[policy]\nfraction = 0.4\n" + good
	r.reload()
	r.await("the refusal", func() bool { return strings.Contains(r.said(), "these need a restart: [policy]") })
	_, err := r.run("renew", "b.example.com")
	require.ErrorContains(t, err, `certificate "b.example.com" is not configured`)

	// Other names for the same certificate, seen by resolvers.
	r.config, r.mode = "", `mode = "recursive"`
	r.certificate(`"a.example.com", "b.example.com"`, "")
	asked := len(r.dns.Queries())
	r.reload()
	r.await("another certificate", func() bool { return len(r.leaf("a.example.com").DNSNames) == 2 })
	require.NotEqual(t, before.SerialNumber, r.leaf("a.example.com").SerialNumber)
	require.Greater(t, len(r.dns.Queries()), asked)

	r.config = ""
	r.certificate(`"c.example.com"`, "")
	r.reload()
	r.awaitLeaf("c.example.com")
	_, err = r.run("renew", "a.example.com")
	require.ErrorContains(t, err, `certificate "a.example.com" is not configured`)
	require.Contains(t, r.must("status", "a.example.com"), "is not configured: nobody renews it")
	require.NotContains(t, r.page("/metrics"), `expiry_timestamp_seconds{certificate="a.example.com"}`)
}

// notYet is a DNS service whose servers never have what was added.
var notYet = acmetest.MythicFault{
	Method: "GET", Path: "/dns/v2/zones/example.com/records/_acme-challenge", Times: -1,
	Status: 409, Body: `{"errors":["not yet"]}`,
}

// The process is killed in the middle of an order: its TXT record is deleted at the next
// start, and one certificate is what there is in the end.
func TestKilledInTheMiddle(t *testing.T) {
	r := newRig(t)
	r.mythic.Fail(notYet)
	r.certificate(`"example.com"`, "")
	r.start()
	r.await("a record", func() bool { return len(r.txt()) == 1 })
	orphan := r.txt()[0]
	r.end(syscall.SIGKILL)
	require.Equal(t, []string{orphan}, r.txt(), "nobody has deleted it")

	// It failed, as far as is known, and is tried again after a minute; the record need
	// not wait for that.
	r.start()
	r.await("no record", func() bool { return len(r.txt()) == 0 })
	r.mythic.Heal()
	r.await("what is known of the end", func() bool {
		return strings.Contains(r.status("example.com").LastError, "the program ended while it was at it")
	})
	r.must("renew", "example.com")
	leaf := r.leaf("example.com")
	require.NotNil(t, leaf)
	r.requireNoTXT()

	// Stored is stored.
	r.end(syscall.SIGKILL)
	r.start()
	r.await("a look at the store", func() bool {
		return strings.Contains(r.page("/metrics"), fmt.Sprintf(`expiry_timestamp_seconds{certificate="example.com"} %g`, float64(leaf.NotAfter.Unix())))
	})
	require.Equal(t, leaf.SerialNumber, r.leaf("example.com").SerialNumber)
}

// SIGTERM in the middle of an order deletes its records before the end, and does not
// count as a failure.
func TestCleanEndInTheMiddle(t *testing.T) {
	r := newRig(t)
	r.mythic.Fail(notYet)
	r.certificate(`"example.com", "www.example.com"`, "")
	r.start()
	r.await("records", func() bool { return len(r.txt()) == 2 })
	r.end(syscall.SIGTERM)
	r.requireNoTXT()
	require.Zero(t, r.status("example.com").Failures)
	r.mythic.Heal()
	r.start()
	r.awaitLeaf("example.com")
}

// A command that fails is run until it succeeds, also by the next process, and what it
// says is told.
func TestDeployFailsAndSucceeds(t *testing.T) {
	r := newRig(t)
	deploy := r.script("deploy", fmt.Sprintf("echo x >>%s; test -e %s || { echo 'no \x1b[1mluck'; exit 3; }", r.path("runs"), r.path("go")))
	r.certificate(`"example.com"`, fmt.Sprintf("deploy = [%q]", deploy))
	r.start()
	runs := func() int { return strings.Count(r.read("runs"), "x") }
	r.await("two runs", func() bool { return runs() >= 2 })
	v := r.status("example.com")
	require.True(t, v.Deploy.Pending)
	require.Contains(t, v.Deploy.Error, "exit status 3")
	require.Contains(t, v.Text, "NOT DEPLOYED, failed")
	require.NotContains(t, v.Text, "\x1b")
	require.Contains(t, r.page("/metrics"), `hostkit_acme_deploy_pending{certificate="example.com"} 1`)
	serial := r.leaf("example.com").SerialNumber
	r.end(syscall.SIGKILL)

	before := runs()
	r.start()
	r.await("a run of the next process", func() bool { return runs() > before })
	r.write("go", "")
	r.await("success", func() bool { d := r.status("example.com").Deploy; return !d.Pending && d.Error == "" })
	require.Equal(t, serial, r.leaf("example.com").SerialNumber)
	r.await("success in the numbers", func() bool {
		return strings.Contains(r.page("/metrics"), `hostkit_acme_deploy_pending{certificate="example.com"} 0`)
	})
}

// A command that hangs is ended, with what it started.
func TestDeployTakesTooLong(t *testing.T) {
	r := newRig(t)
	deploy := r.script("deploy", fmt.Sprintf("sleep 1000 & echo $! >%s; wait", r.path("child")))
	r.certificate(`"example.com"`, fmt.Sprintf("deploy = [%q]\ndeploy_timeout = \"300ms\"", deploy))
	r.start()
	r.await("its end", func() bool {
		d := r.status("example.com").Deploy
		return d != nil && strings.Contains(d.Error, "took longer than 300ms")
	})
	r.end(syscall.SIGTERM)
	var pid int
	_, err := fmt.Sscan(r.read("child"), &pid)
	require.NoError(t, err)
	r.await("the end of its child", func() bool { return syscall.Kill(pid, 0) != nil })
}

// What fails is told where people and programs look.
func TestFailure(t *testing.T) {
	r := newRig(t)
	r.mythic.Fail(acmetest.MythicFault{Method: "POST", Path: "/dns/v2", Times: -1, Status: 403, Body: `{"error":"Access denied"}`})
	r.certificate(`"example.com"`, "")
	r.start()
	r.await("a failure", func() bool { return r.status("example.com").Failures == 1 })
	v := r.status("example.com")
	require.Contains(t, v.LastError, "Access denied")
	require.Contains(t, v.Text, "there is no certificate yet")
	require.WithinDuration(t, time.Now(), v.Tried, 10*time.Minute)
	page := r.page("/metrics")
	require.Contains(t, page, `hostkit_acme_failures{certificate="example.com"} 1`)
	require.Regexp(t, `hostkit_acme_last_error\{certificate="example.com",error="[^}]*Access denied`, page)
	_, err := r.run("renew", "example.com")
	require.ErrorContains(t, err, "Access denied")
	require.ErrorContains(t, err, "exit status 1")
	r.mythic.Heal()
	require.Contains(t, r.must("renew", "example.com"), "valid until")
}
