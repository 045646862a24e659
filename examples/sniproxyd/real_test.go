package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// A real nginx, with one listener that requires a PROXY header and one that knows
// none: check says what is wrong, which setting cures it and what nginx logs; and
// explain says the same by that log.
func TestRealCheck(t *testing.T) {
	r := newRig(t)
	plain, header := freePort(t), freePort(t)
	r.ports = append(r.ports, plain, header)
	startNginx(t, r, plain, header)
	r.site("plain.example", -1, int(plain), "proxy = \"off\"")
	r.site("header.example", -1, int(header), "proxy = \"v1\"")
	check := func() (string, error) {
		out, err := exec.Command("sniproxyd", "check", "-config", r.config()).CombinedOutput()
		return string(out), err
	}
	out, err := check()
	require.NoError(t, err, out)
	require.Equal(t, 2, strings.Count(out, ": good, "), out)

	// Each setting on the wrong site.
	r.routes = strings.NewReplacer(`"off"`, `"v2"`, `"v1"`, `"off"`).Replace(r.routes)
	out, err = check()
	require.Error(t, err)
	unexpected, missing, found := strings.Cut(out, "header.example HTTP")
	require.True(t, found, out)
	require.Contains(t, unexpected, `plain.example HTTP`)
	require.Contains(t, unexpected, `: BAD, proxy = "v2"`)
	require.Contains(t, missing, `: BAD, proxy = "off"`)
	for _, part := range []string{unexpected, missing} {
		require.Contains(t, part, "  remedy: ")
	}
	require.Contains(t, missing, "in nginx's error log: broken header")
	said, err := os.ReadFile(r.path("error.log"))
	require.NoError(t, err)
	require.Contains(t, string(said), "broken header", "which is there")

	explain := exec.Command("sniproxyd", "explain")
	explain.Stdin = strings.NewReader(string(said))
	why, err := explain.CombinedOutput()
	require.NoError(t, err, "%s", why)
	require.Contains(t, string(why), "remedy: ")
}

func freePort(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "[::1]:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort().Port()
}

func startNginx(t *testing.T, r *rig, plain, header uint16) {
	t.Helper()
	config := fmt.Sprintf(`
daemon off;
master_process off;
pid DIR/pid;
error_log DIR/error.log;
events { worker_connections 64; }
http {
access_log DIR/nginx.log;
client_body_temp_path DIR/body;
proxy_temp_path DIR/proxy;
fastcgi_temp_path DIR/fastcgi;
uwsgi_temp_path DIR/uwsgi;
scgi_temp_path DIR/scgi;
server { listen [::1]:%d; return 200; }
server { listen [::1]:%d proxy_protocol; return 200; }
}
`, plain, header)
	require.NoError(t, os.WriteFile(r.path("nginx.conf"), []byte(strings.ReplaceAll(config, "DIR", r.dir)), 0o600))
	cmd := exec.Command(peer.Look(t, "nginx"), "-p", r.dir, "-c", "nginx.conf", "-e", r.path("error.log"))
	peer.Start(t, cmd, peer.Options{Ready: func(ctx context.Context) error {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", fmt.Sprintf("[::1]:%d", plain))
		if err != nil {
			return err
		}
		return c.Close()
	}})
}
