package stepcatest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// Options are the knobs.
type Options struct {
	// DNS is the resolver that validation asks.
	DNS netip.AddrPort
}

// StepCA is a running authority.
type StepCA struct {
	addr    string
	root    *x509.Certificate
	client  *http.Client
	process *peer.Process
}

// New starts an authority, which ends with the test.
func New(t testing.TB, o Options) *StepCA {
	t.Helper()
	path := binary(t)
	dir, addr := t.TempDir(), free(t)
	root, err := writeChain(dir)
	if err != nil {
		t.Fatalf("stepcatest: %v", err)
	}
	if err := writeConfig(dir, addr); err != nil {
		t.Fatalf("stepcatest: %v", err)
	}
	ca := &StepCA{addr: addr, root: root, client: trusting(root)}
	t.Cleanup(ca.client.CloseIdleConnections)
	args := []string{filepath.Join(dir, "ca.json")}
	if o.DNS.IsValid() {
		args = append(args, "--resolver="+o.DNS.String())
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "STEPPATH="+dir, "HOME="+dir)
	ca.process = peer.Start(t, cmd, peer.Options{Ready: ca.healthy, Timeout: 2 * time.Minute})
	return ca
}

// free is an address that nothing listens at.
func free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("stepcatest: %v", err)
	}
	defer l.Close()
	return l.Addr().String()
}

func writeConfig(dir, addr string) error {
	config, err := json.MarshalIndent(map[string]any{
		"root": filepath.Join(dir, "root.crt"), "crt": filepath.Join(dir, "intermediate.crt"), "key": filepath.Join(dir, "intermediate.key"),
		"address": addr, "dnsNames": []string{"127.0.0.1"},
		"logger": map[string]string{"format": "text"},
		"db":     map[string]string{"type": "badgerv2", "dataSource": filepath.Join(dir, "db")},
		"authority": map[string]any{"provisioners": []any{map[string]any{
			"type": "ACME", "name": "acme", "challenges": []string{"dns-01"},
			"claims": map[string]string{"minTLSCertDuration": "1h", "defaultTLSCertDuration": "48h", "maxTLSCertDuration": "48h"},
		}}},
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "ca.json"), config, 0o600)
}

func trusting(root *x509.Certificate) *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(root)
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 16,
	}}
}

func (ca *StepCA) healthy(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+ca.addr+"/health", nil)
	if err != nil {
		return err
	}
	resp, err := ca.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("its health is %s", resp.Status)
	}
	return nil
}

// URL is that of the directory.
func (ca *StepCA) URL() string { return "https://" + ca.addr + "/acme/acme/directory" }

// HTTPClient trusts the authority's server.
func (ca *StepCA) HTTPClient() *http.Client { return ca.client }

// Root is the root of all certificates.
func (ca *StepCA) Root() *x509.Certificate { return ca.root }

// Process is the program, for its output.
func (ca *StepCA) Process() *peer.Process { return ca.process }
