package etcdtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// Options say which cluster is started.
type Options struct {
	// Members is how many; zero means one.
	Members int
	// Args are added to each member's. An https URL among the client's needs
	// certificates of the test.
	Args []string
	// Client makes requests to members; nil is a plain client. Scheme is that of
	// client URLs; empty means http.
	Client *http.Client
	Scheme string
}

// Cluster is one that runs.
type Cluster struct {
	Members []*Member
	client  *http.Client
}

// Member is one server of a cluster.
type Member struct {
	// URL is where clients connect.
	URL string

	args    []string
	process *peer.Process
	client  *http.Client
}

// starting is how long a cluster may take to have a leader.
const starting = 2 * time.Minute

// Start starts a cluster and waits until it has a leader. The test's cleanup stops it.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	program := peer.Look(t, "etcd")
	o.Members = max(o.Members, 1)
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
	if o.Scheme == "" {
		o.Scheme = "http"
	}
	c := &Cluster{client: o.Client}
	ports := freePorts(t, 2*o.Members)
	var initial []string
	for i := range o.Members {
		initial = append(initial, fmt.Sprintf("m%d=http://127.0.0.1:%d", i, ports[2*i]))
	}
	for i := range o.Members {
		c.Members = append(c.Members, newMember(program, t.TempDir(), i, ports[2*i], ports[2*i+1], strings.Join(initial, ","), o))
	}
	for _, m := range c.Members {
		m.start(t)
	}
	for _, m := range c.Members {
		m.Wait(t)
	}
	return c
}

func newMember(program, dir string, n, peerPort, clientPort int, initial string, o Options) *Member {
	own := fmt.Sprintf("http://127.0.0.1:%d", peerPort)
	url := fmt.Sprintf("%s://127.0.0.1:%d", o.Scheme, clientPort)
	args := []string{
		program, "--name", fmt.Sprintf("m%d", n), "--data-dir", filepath.Join(dir, "etcd"),
		"--listen-peer-urls", own, "--initial-advertise-peer-urls", own,
		"--listen-client-urls", url, "--advertise-client-urls", url,
		"--initial-cluster", initial, "--initial-cluster-token", filepath.Base(filepath.Dir(dir)),
		"--heartbeat-interval", "100", "--election-timeout", "1000",
		"--logger", "zap", "--log-outputs", "stderr",
	}
	return &Member{URL: url, args: append(args, o.Args...), client: o.Client}
}

// freePorts are ports of 127.0.0.1 that nobody has at this moment, each another.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("etcdtest: %v", err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// Endpoints are the URLs of all members.
func (c *Cluster) Endpoints() []string {
	var urls []string
	for _, m := range c.Members {
		urls = append(urls, m.URL)
	}
	return urls
}

// Leader waits until a member that can be asked is the leader, and returns it.
func (c *Cluster) Leader(t testing.TB) *Member {
	t.Helper()
	var leader *Member
	wait(t, "a leader", func(ctx context.Context) error {
		for _, m := range c.Members {
			var status struct {
				Header struct {
					ID string `json:"member_id"`
				}
				Leader string
			}
			if err := m.call(ctx, "maintenance/status", nil, &status); err == nil && status.Leader == status.Header.ID {
				leader = m
				return nil
			}
		}
		return fmt.Errorf("no member says that it leads")
	})
	return leader
}

// Compact makes the cluster forget all revisions before the present one, for good.
func (c *Cluster) Compact(t testing.TB) {
	t.Helper()
	wait(t, "compaction", func(ctx context.Context) error {
		var status struct {
			Header struct{ Revision string }
		}
		if err := c.Leader(t).call(ctx, "kv/range", map[string]any{"key": "YQ=="}, &status); err != nil {
			return err
		}
		rev, err := strconv.ParseInt(status.Header.Revision, 10, 64)
		if err != nil {
			return err
		}
		return c.Leader(t).call(ctx, "kv/compaction", map[string]any{"revision": rev, "physical": true}, nil)
	})
}

// Call calls a method of etcd by its HTTP gateway, at the leader: Call(t, "auth/enable",
// nil, nil). Out, if it is not nil, is decoded from the answer.
func (c *Cluster) Call(t testing.TB, method string, in, out any) {
	t.Helper()
	if err := c.Leader(t).call(t.Context(), method, in, out); err != nil {
		t.Fatalf("etcdtest: %v", err)
	}
}

// Kill ends the member by SIGKILL.
func (m *Member) Kill(t testing.TB) {
	t.Helper()
	m.signal(t, syscall.SIGKILL)
	ctx, cancel := context.WithTimeout(t.Context(), starting)
	defer cancel()
	_ = m.process.Wait(ctx) // it was killed, which is an error
}

// Restart starts a member that was killed. It does not wait for it: see [Member.Wait].
func (m *Member) Restart(t testing.TB) {
	t.Helper()
	m.start(t)
}

// Pause stops the member in its tracks by SIGSTOP, until Resume.
func (m *Member) Pause(t testing.TB) { m.signal(t, syscall.SIGSTOP) }

// Resume lets the member go on.
func (m *Member) Resume(t testing.TB) { m.signal(t, syscall.SIGCONT) }

// Wait waits until the member is healthy: it has a leader and answers.
func (m *Member) Wait(t testing.TB) {
	t.Helper()
	wait(t, "a healthy "+m.URL, m.healthy)
}

func (m *Member) start(t testing.TB) {
	t.Helper()
	m.process = peer.Start(t, exec.Command(m.args[0], m.args[1:]...), peer.Options{Grace: -1})
}

func (m *Member) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := m.process.Signal(sig); err != nil {
		t.Fatalf("etcdtest: signal %v to %s: %v", sig, m.URL, err)
	}
}

func (m *Member) healthy(ctx context.Context) error {
	return m.do(ctx, http.MethodGet, "/health", nil, nil)
}

func (m *Member) call(ctx context.Context, method string, in, out any) error {
	if in == nil {
		in = struct{}{}
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return m.do(ctx, http.MethodPost, "/v3/"+method, body, out)
}

func (m *Member) do(ctx context.Context, method, path string, body []byte, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second) // a member may be paused
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, m.URL+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := m.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %.300q", method, path, resp.Status, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// wait tries until it works.
func wait(t testing.TB, what string, try func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), starting)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("etcdtest: %s: %v", what, err)
		}
	}
}
