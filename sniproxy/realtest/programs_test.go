package realtest_test

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// output is what became of a program.
type output struct {
	stdout, stderr string
	status         int // 0 is success
}

// run runs a program to its end.
func run(t *testing.T, stdin, program string, args ...string) output {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, peer.Look(t, program), args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	out := output{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", program, err)
	}
	require.NoError(t, ctx.Err(), "%s %v did not end: %s", program, args, out.stderr)
	return out
}

// answer is one that curl got.
type answer struct {
	status, version string
	client          netip.AddrPort // curl's end of the connection
	connects        string         // how many connections were made for it
	body            string
}

// curl asks the server at addr, whatever the URL says, and wants an answer.
func curl(t *testing.T, addr netip.AddrPort, args ...string) answer {
	t.Helper()
	all := curls(t, addr, args...)
	require.Len(t, all, 1)
	return all[0]
}

// curls does the same for several URLs.
func curls(t *testing.T, addr netip.AddrPort, args ...string) []answer {
	t.Helper()
	return answers(t, curlArgs(addr, args...))
}

// answers runs curl with all arguments.
func answers(t *testing.T, args []string) (all []answer) {
	t.Helper()
	out := run(t, "", "curl", args...)
	require.Zero(t, out.status, "curl %v: %s%s", args, out.stderr, out.stdout[:min(len(out.stdout), 2000)])
	parts := strings.Split(out.stdout, mark)
	for i := 0; i+1 < len(parts); i += 2 {
		f := strings.Fields(parts[i+1])
		require.Len(t, f, 4, "%q", f)
		all = append(all, answer{body: parts[i], status: f[0], version: f[1], client: netip.MustParseAddrPort(f[2]), connects: f[3]})
	}
	return all
}

// mark parts bodies from what curl says about them. No body has it.
const mark = "\x1e\x1e curl says \x1e\x1e"

// said is what it says.
const said = mark + "%{http_code} %{http_version} %{local_ip}:%{local_port} %{num_connects}" + mark

// curlArgs are arguments by which curl asks the server at addr.
func curlArgs(addr netip.AddrPort, args ...string) []string {
	return append([]string{
		"-q", "-sS", "--noproxy", "*", "--max-time", "100", "--connect-to", "::" + addr.String(),
		"-w", said,
	}, args...)
}
