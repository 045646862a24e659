package etcdstore_test

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/etcdstore"
	"github.com/mythic-beasts/hostkit/acme/renew"
	"github.com/mythic-beasts/hostkit/internal/etcdtest"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

var hello = &tls.ClientHelloInfo{ServerName: name}

// solver solves nothing: the authority believes us, when the gate is open.
type solver struct{}

func (solver) Present(context.Context, acme.Challenge) (acme.Presented, error) { return solver{}, nil }
func (solver) Ready(context.Context) error                                     { return nil }
func (solver) CleanUp(context.Context) error                                   { return nil }

func client(ca *acmetest.CA, key crypto.Signer) *acme.Client {
	return &acme.Client{Directory: ca.URL(), HTTP: ca.HTTPClient(), Key: key}
}

// gate holds validations until it is opened.
type gate struct {
	opened  chan struct{}
	arrived chan struct{}
}

func newGate() *gate { return &gate{opened: make(chan struct{}), arrived: make(chan struct{}, 100)} }

func (g *gate) open() { close(g.opened) }

func (g *gate) wait(context.Context, acmetest.Validation) error {
	g.arrived <- struct{}{}
	select {
	case <-g.opened:
	case <-time.After(limit): // the authority's own limit is too short here
	}
	return nil
}

// nodeEnv has what a process needs: endpoints, the authority's directory and the folder
// with its certificate and the account's key. "stubborn" orders on when the lock is lost.
const nodeEnv = "HOSTKIT_ETCDSTORE_NODE"

// TestNode is a node in a process of its own.
func TestNode(t *testing.T) {
	args := strings.Fields(os.Getenv(nodeEnv))
	if len(args) == 0 {
		return
	}
	roots := x509.NewCertPool()
	text, err := os.ReadFile(filepath.Join(args[2], "ca.pem"))
	require.NoError(t, err)
	require.True(t, roots.AppendCertsFromPEM(text))
	text, err = os.ReadFile(filepath.Join(args[2], "key.pem"))
	require.NoError(t, err)
	key, err := acme.ParseKey(text)
	require.NoError(t, err)
	store, err := etcdstore.New(etcdstore.Options{
		Endpoints: strings.Split(args[0], ","), Prefix: "/nodes/", LockTTL: 2 * time.Second, Timeout: 5 * time.Second,
	})
	require.NoError(t, err)
	var issuer renew.Issuer = &acme.Client{
		Directory: args[1], Key: key,
		HTTP: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}},
	}
	if args[3] == "stubborn" {
		issuer = stubborn{issuer}
	}
	m := &renew.Manager{Issuer: issuer, Solver: solver{}, Store: store}
	m.Policy.Backoff = []time.Duration{time.Second} // after an order that another left unfinished
	m.OnEvent = func(ev renew.Event) {
		fmt.Printf("EVENT %s %v\n", strings.ReplaceAll(string(ev.Kind), " ", "-"), ev.Err)
	}
	require.NoError(t, m.Add(name, acme.Request{Names: []string{name}}))
	go func() { _ = m.Run(t.Context()) }()
	for last := ""; ; <-time.After(often) {
		if c, err := m.GetCertificate(hello); err == nil && c.Leaf.SerialNumber.String() != last {
			last = c.Leaf.SerialNumber.String()
			fmt.Println("SERVES", last)
		}
	}
}

// stubborn is one who does not hear that the lock is lost.
type stubborn struct{ renew.Issuer }

func (s stubborn) Obtain(ctx context.Context, r acme.Request, by acme.Solver) (*acme.Certificate, error) {
	return s.Issuer.Obtain(context.WithoutCancel(ctx), r, by)
}

// town is what the nodes share.
type town struct {
	cluster *etcdtest.Cluster
	ca      *acmetest.CA
	dir     string
}

func newTown(t testing.TB, o acmetest.CAOptions) *town {
	tn := &town{cluster: etcdtest.Start(t, etcdtest.Options{}), ca: acmetest.NewCA(t, o), dir: t.TempDir()}
	key, err := acme.NewKey(acme.EC256)
	require.NoError(t, err)
	text, err := acme.MarshalKey(key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(tn.dir, "key.pem"), text, 0o600))
	conn, err := tls.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(tn.ca.URL(), "https://"), "/directory"), &tls.Config{InsecureSkipVerify: true})
	require.NoError(t, err)
	defer conn.Close()
	text = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: conn.ConnectionState().PeerCertificates[0].Raw})
	require.NoError(t, os.WriteFile(filepath.Join(tn.dir, "ca.pem"), text, 0o600))
	return tn
}

func (tn *town) node(t testing.TB, how string) *peer.Process {
	cmd := exec.Command(os.Args[0], "-test.run=^TestNode$", "-test.timeout=10m")
	cmd.Env = append(os.Environ(), nodeEnv+"="+strings.Join([]string{strings.Join(tn.cluster.Endpoints(), ","), tn.ca.URL(), tn.dir, how}, " "))
	return peer.Start(t, cmd, peer.Options{Grace: -1})
}

func says(t testing.TB, p *peer.Process, pattern string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*limit)
	defer cancel()
	match, err := p.WaitOutput(ctx, regexp.MustCompile(pattern))
	require.NoError(t, err)
	return match[len(match)-1]
}

// The same with three processes.
func TestRealProcesses(t *testing.T) {
	g := newGate()
	tn := newTown(t, acmetest.CAOptions{Validate: g.wait})
	shared := open(t, tn.cluster)
	require.NoError(t, shared.Commit(t.Context(), name, due(t)))
	var nodes []*peer.Process
	for range 3 {
		nodes = append(nodes, tn.node(t, "-"))
	}
	for _, n := range nodes {
		says(t, n, `SERVES 1\n`)
	}
	g.open()
	kinds := map[string]int{}
	for _, n := range nodes {
		kinds[says(t, n, `EVENT (renewed|adopted) <nil>\n`)]++
		says(t, n, `SERVES `+stored(t, shared)+`\n`)
	}
	require.Equal(t, map[string]int{"renewed": 1, "adopted": 2}, kinds)
	require.Len(t, tn.ca.Issued(), 1)
}

// The process that renews stands still until another has renewed instead. What it then
// writes is refused, whether it knows that its lock is lost or not, and it serves what the
// other stored.
func TestRealStopped(t *testing.T) {
	for _, how := range []string{"stubborn", "-"} {
		t.Run(how, func(t *testing.T) {
			g := newGate()
			tn := newTown(t, acmetest.CAOptions{Validate: g.wait})
			shared := open(t, tn.cluster)
			require.NoError(t, shared.Commit(t.Context(), name, due(t)))
			slow := tn.node(t, how)
			says(t, slow, `SERVES 1\n`)
			select {
			case <-g.arrived: // in the middle of its order
			case <-time.After(limit):
				t.Fatal("no order")
			}
			require.NoError(t, slow.Signal(syscall.SIGSTOP))
			fast := tn.node(t, "-")
			says(t, fast, `SERVES 1\n`)
			g.open()
			says(t, fast, `EVENT (renewed) <nil>\n`)
			want := stored(t, shared)
			says(t, fast, `SERVES `+want+`\n`)

			require.NoError(t, slow.Signal(syscall.SIGCONT))
			says(t, slow, `EVENT store-failed .*lock was lost`)
			says(t, slow, `EVENT (adopted) <nil>\n`)
			says(t, slow, `SERVES `+want+`\n`)
			require.Equal(t, want, stored(t, shared))
			require.NotContains(t, slow.Output(), "EVENT renewed")
			require.NotContains(t, slow.Output(), "EVENT failed")
			issued := 1
			if how == "stubborn" {
				issued = 2
			}
			require.Len(t, tn.ca.Issued(), issued)
		})
	}
}
