package dnssectest_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/dnssectest"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

var update = flag.Bool("update", false, "write testdata/verdicts.txt anew")

// validators are the programs that verify a zone file, and how they are asked.
var validators = []string{"dnssec-verify", "ldns-verify-zone", "kzonecheck", "kzonesign"}

// write puts a zone into a file of a folder of its own.
func write(t *testing.T, z *dnssec.Zone) string {
	t.Helper()
	var text bytes.Buffer
	_, err := z.WriteTo(&text)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "example.test.zone")
	require.NoError(t, os.WriteFile(file, text.Bytes(), 0o600))
	return file
}

// ask says what a validator has against a zone file; nothing is nothing.
func ask(t *testing.T, program, file string) string {
	t.Helper()
	args := map[string][]string{
		"dnssec-verify":    {"-q", "-o", "example.test", file},
		"ldns-verify-zone": {file},
		"kzonecheck":       {"-o", "example.test", "-d", "on", file},
	}[program]
	if program == "kzonesign" {
		dir := filepath.Dir(file)
		conf := filepath.Join(dir, "knot.conf")
		require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil,
			"database:\n  storage: %s\nzone:\n  - domain: example.test\n    storage: %s\n    file: example.test.zone\n", dir, dir), 0o600))
		args = []string{"-v", "-c", conf, "example.test"}
	}
	out, err := exec.CommandContext(t.Context(), peer.Look(t, program), args...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Sprintf("%v: %s", err, out)
	}
	require.NoError(t, err)
	return ""
}

// What the validators say to each mutation is data, so that a claim about what they
// miss is never one of memory. Verify misses none.
func TestRealVerdicts(t *testing.T) {
	const file = "testdata/verdicts.txt"
	got := []string{"# What each validator makes of each mutation: x rejects it, - accepts it.", "# " + strings.Join(validators, " ")}
	for _, what := range []string{"NSEC", "NSEC3", "opt-out"} {
		f := fixture(t, denials[what], 0)
		valid := write(t, f.Zone)
		for _, program := range validators {
			require.Empty(t, ask(t, program, valid), "%s of a valid zone of %s", program, what)
		}
		for _, m := range dnssectest.Mutations() {
			z, err := m.Apply(f)
			if errors.Is(err, dnssectest.ErrNotApplicable) {
				continue
			}
			require.NoError(t, err)
			broken := write(t, z)
			var verdict strings.Builder
			for _, program := range validators {
				if ask(t, program, broken) == "" {
					verdict.WriteString("-")
				} else {
					verdict.WriteString("x")
				}
			}
			got = append(got, fmt.Sprintf("%-8s %-36s %s", what, m.Name, &verdict))
		}
	}
	text := strings.Join(got, "\n") + "\n"
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), text, "run with -update and look at the difference")
}

var algorithms = []dnssec.Algorithm{dnssec.RSASHA256, dnssec.ECDSAP256SHA256, dnssec.ECDSAP384SHA384, dnssec.Ed25519}

// Zones of every shape and algorithm are valid to all.
func TestRealValidatorsAgreeOnValidZones(t *testing.T) {
	for what, denial := range denials {
		for _, alg := range algorithms {
			t.Run(fmt.Sprint(what, " ", alg), func(t *testing.T) {
				file := write(t, fixture(t, denial, alg).Zone)
				for _, program := range validators {
					require.Empty(t, ask(t, program, file), program)
				}
			})
		}
	}
}

// dnsviz runs DNSViz, whose version in Debian 12 looks for a module that pygraphviz no
// longer has.
const dnsviz = `
import runpy, sys, types, pygraphviz
release = types.ModuleType("pygraphviz.release")
release.version = pygraphviz.__version__
sys.modules[release.__name__] = pygraphviz.release = release
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
`

// askDNSViz is the errors and warnings of DNSViz about names, which serves the zone by a
// server that it starts itself.
func askDNSViz(t *testing.T, f dnssectest.Fixture, z *dnssec.Zone, names ...string) []string {
	t.Helper()
	program := peer.Look(t, "dnsviz")
	peer.Look(t, "named")
	file := write(t, z)
	ksk := f.Keys[0].Key
	ds, err := ksk.DS(dnssec.SHA256, 3600)
	require.NoError(t, err)
	trust := filepath.Join(filepath.Dir(file), "trust")
	require.NoError(t, os.WriteFile(trust, []byte(ksk.DNSKEY(3600).String()+"\n"), 0o600))
	data := strings.Join(strings.Fields(ds.String())[4:], " ")
	args := []string{
		"-c", dnsviz, program, "probe", "-d", "1", "-t", "6", "-A", "-a", ".",
		"-x", "example.test+:" + file, "-N", "example.test:ns1.example.test=127.0.0.1", "-D", "example.test:" + data,
	}
	for _, name := range names {
		args = append(args, name+".example.test")
	}
	probe := exec.CommandContext(t.Context(), "/usr/bin/python3", args...)
	var stderr bytes.Buffer
	probe.Stderr = &stderr
	answers, err := probe.Output()
	require.NoError(t, err, "%s", &stderr)
	grok := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", dnsviz, program, "grok", "-l", "warning", "-t", trust)
	grok.Stdin = bytes.NewReader(answers)
	grok.Stderr = &stderr
	said, err := grok.Output()
	require.NoError(t, err, "%s", &stderr)
	var codes []string
	for line := range strings.Lines(string(said)) {
		if _, code, ok := strings.Cut(line, `"code": "`); ok {
			code, _, _ = strings.Cut(code, `"`)
			codes = append(codes, code)
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// One after another, since DNSViz gives up on answers that are late.
func TestRealDNSViz(t *testing.T) {
	valid := func(denial dnssec.Denial, alg dnssec.Algorithm, names ...string) func(t *testing.T) {
		return func(t *testing.T) {
			f := fixture(t, denial, alg)
			// An answer that is late is one that is missing; a fault is always there.
			said := askDNSViz(t, f, f.Zone, names...)
			for range 5 {
				if len(said) == 0 {
					break
				}
				said = askDNSViz(t, f, f.Zone, names...)
			}
			require.Empty(t, said)
		}
	}
	for what, denial := range denials {
		for _, alg := range algorithms {
			t.Run(fmt.Sprint("valid ", what, " ", alg), valid(denial, alg, "mail"))
		}
		// An alias, a wildcard, an empty non-terminal, what is below a DNAME, and nothing.
		t.Run("names "+what, valid(denial, 0, "www", "any.wild", "deep.ent", "below.red", "none"))
	}
	// What it alone of the five sees.
	for _, name := range []string{"key-algorithm-partial", "signature-ttl"} {
		t.Run(name, func(t *testing.T) {
			f := fixture(t, dnssec.NSEC, 0)
			z, err := dnssectest.Mutate(f, name)
			require.NoError(t, err)
			require.NotEmpty(t, askDNSViz(t, f, z, "mail"))
		})
	}
}
