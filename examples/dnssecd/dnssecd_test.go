package main

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// A zone of a file, from unsigned to signed, changed, with a fault, and over the end of
// the process.
func TestZoneOfAFile(t *testing.T) {
	r := newRig(t)
	r.zone("example.com", "")
	r.start()
	r.await("the zone", func() bool { return r.serial(r.dns, "example.com.") == 1 })
	require.Empty(t, of[*dns.RRSIG](r.ask(r.dns, "www.example.com.", dns.TypeA)))
	require.Contains(t, r.must("status"), "example.com. unsigned, serial 1")

	said := r.must("enable", "Example.COM")
	require.Contains(t, said, "signing for the first time, serial 2")
	require.Contains(t, said, "waits for caches")
	require.Len(t, of[*dns.RRSIG](r.ask(r.dns, "www.example.com.", dns.TypeA)), 1)
	keys := r.status("example.com").Keys
	require.Len(t, keys, 1, "a CSK")
	require.Equal(t, "CSK", keys[0].Role)

	changed := strings.Replace(text, "192.0.2.1", "192.0.2.2", 1)
	r.write("example.com", changed)
	r.reload()
	r.await("the change", func() bool {
		a := of[*dns.A](r.ask(r.dns, "www.example.com.", dns.TypeA))
		return len(a) == 1 && a[0].A.String() == "192.0.2.2"
	})
	require.EqualValues(t, 3, r.serial(r.dns, "example.com."))

	r.write("example.com", changed+"www 1 IN CNAME ns\n")
	r.reload()
	r.await("the fault", func() bool { return strings.Contains(r.said(), "a zone is not as its file has it") })
	require.EqualValues(t, 3, r.serial(r.dns, "example.com."), "as before")

	r.write("example.com", changed)
	r.end(syscall.SIGKILL)
	r.start()
	require.Equal(t, keys[0].ID, r.status("example.com").Keys[0].ID)
	require.EqualValues(t, 3, r.serial(r.dns, "example.com."), "what was published")
	require.NoError(t, r.cmd.Process.Signal(syscall.SIGHUP))
	r.end(syscall.SIGTERM)
	require.NotContains(t, r.said(), "Private")
	for _, name := range []string{"state", "state/keys", "state/store", "control"} {
		info, err := os.Stat(r.path(name))
		if os.IsNotExist(err) && name == "control" {
			continue
		}
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, "%s is %v", name, info.Mode())
	}
}

// A configuration is changed: zones come, their policies change, settings do not.
func TestReload(t *testing.T) {
	r := newRig(t)
	r.zone("example.com", "")
	r.start()
	r.must("enable", "example.com")
	_, err := r.run("enable", "example.net")
	require.ErrorContains(t, err, "zone example.net. is not configured")

	r.config += "[policy.default]\ndenial = \"nsec3\"\n"
	r.zone("example.net", "")
	r.reload()
	r.await("the zone", func() bool { return r.serial(r.dns, "example.net.") == 1 })
	r.await("the policy", func() bool { return len(of[*dns.NSEC3PARAM](r.ask(r.dns, "example.com.", dns.TypeNSEC3PARAM))) == 1 })
	require.Contains(t, r.must("enable", "example.net"), "signing for the first time")

	good := r.config
	r.config = "workers = 9\n" + r.config
	r.reload()
	r.await("the refusal", func() bool { return strings.Contains(r.said(), "these need a restart: [workers]") })
	r.config = good + "[[zone]]\nname = \"example.org\"\n"
	r.reload()
	r.await("the fault", func() bool { return strings.Contains(r.said(), "or primaries is wanted") })
	require.Contains(t, r.must("status", "example.com"), "serial")
}

// Who does not know what exists, or asks for what cannot be, is told.
func TestCommandsThatCannotBe(t *testing.T) {
	r := newRig(t)
	r.zone("example.com", "")
	r.start()
	for _, tt := range []struct{ args, want string }{
		{"status example.org", "example.org"},
		{"status a..b", "a..b"},
		{"roll example.com ksk", "example.com"},
		{"ds example.com 99999 present", "is not a key tag"},
		{"ds example.com 1 maybe", "is not present or absent"},
		{"abort example.com", "example.com"},
		{"timeline -for -1h example.com", "is not a duration"},
		{"roll example.com zone", "is not ksk, zsk or csk"},
	} {
		_, err := r.run(strings.Fields(tt.args)...)
		require.ErrorContains(t, err, tt.want, tt.args)
		require.ErrorContains(t, err, "exit status 1", tt.args)
	}
	r.must("enable", "example.com")
	_, err := r.run("roll", "example.com", "zsk")
	require.Error(t, err, "there is none in this policy")
	r.must("clock")
	r.must("resign", "example.com")
}

// The drawing has what happened and what will.
func TestTimeline(t *testing.T) {
	r := newRig(t)
	r.config = "[policy.default]\nscheme = \"ksk-zsk\"\nzsk_lifetime = \"720h\"\n"
	r.zone("example.com", "")
	r.start()
	r.must("enable", "example.com")
	var drawing string
	r.await("the history", func() bool {
		drawing = r.must("timeline", "example.com")
		return strings.Count(drawing, "not known everywhere yet, from") > 4
	})
	require.Contains(t, drawing, "<title>Keys of example.com.</title>")
	require.Contains(t, drawing, "ZSK to come, algorithm 13")
	short := r.must("timeline", "-past", "1h", "-for", "24h", "example.com")
	require.NotContains(t, short, "ZSK to come")
}

func TestMetrics(t *testing.T) {
	r := newRig(t)
	r.zone("example.com", "")
	r.start()
	r.must("enable", "example.com")
	page := r.page("/metrics")
	require.Contains(t, page, "hostkit_dnssec_zones 1")
	require.Contains(t, page, `hostkit_dnssec_events_total{kind="published"} 2`)
	require.Contains(t, page, `hostkit_dnssec_events_total{kind="key generated"} 1`)
	require.Contains(t, page, `hostkit_dnssec_queries_total{result="refused"} 0`)
}

// What programs read has the same as what people do.
func TestStatusForPrograms(t *testing.T) {
	r := newRig(t)
	r.zone("example.com", "")
	r.start()
	r.must("enable", "example.com")
	var raw map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.must("status", "-json", "example.com")), &raw))
	require.Equal(t, r.must("status", "example.com"), strings.TrimRight(raw["text"].(string), "\n")+"\n")
	v := r.status("example.com")
	require.True(t, v.Enabled)
	require.Equal(t, "rumoured", v.Keys[0].States["DNSKEY"])
	require.Equal(t, "hidden", v.Keys[0].States["DS"])
	require.NotEmpty(t, v.Waits)
	require.NotZero(t, v.NextRefresh)
	require.Equal(t, http.StatusOK, r.get("/zones/example.com"))
	require.Equal(t, http.StatusNotFound, r.get("/zones/example.org"))
	require.Equal(t, http.StatusMethodNotAllowed, r.get("/zones/example.com/enable"))
}
