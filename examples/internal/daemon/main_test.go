package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/rogpeppe/go-internal/testscript"
)

// testConfig is testd's, the daemon that the scripts run.
type testConfig struct {
	Greeting string          `toml:"greeting"`
	Timeout  daemon.Duration `toml:"timeout"`
	Finish   string          `toml:"finish"` // draining ends when this file is there
	Token    daemon.Secret   `toml:"token"`
}

func (c *testConfig) check() error {
	if c.Greeting == "" {
		return daemon.Field("greeting", errors.New("must not be empty"))
	}
	if strings.Contains(c.Greeting, "!") {
		return daemon.Field("greeting", errors.New("must stay calm"))
	}
	return nil
}

func runTestd(ctx context.Context, d *daemon.Daemon[testConfig]) error {
	d.OnReload(func(c *testConfig) error {
		if c.Greeting == "unlucky" {
			return errors.New("cannot apply that")
		}
		return nil
	})
	d.Health(func(context.Context) error {
		if d.Config().Greeting == "unwell" {
			return errors.New("caught a cold")
		}
		return nil
	})
	d.Note(func() string { return "" })
	d.Note(func() string {
		if d.Config().Greeting == "unwell" {
			return "greets from bed"
		}
		return ""
	})
	d.Handle("GET /greeting", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, d.Config().Greeting)
	}))
	ln, err := d.Listen(ctx, "testd", "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer ln.Close()
	fmt.Println("listening on", ln.Addr())
	if d.Config().Greeting == "broken" {
		return errors.New("no luck today")
	}
	d.Ready()
	<-ctx.Done()
	for file := d.Config().Finish; file != ""; {
		if _, err := os.Stat(file); err == nil {
			break
		}
		<-time.After(5 * time.Millisecond)
	}
	fmt.Println("drained")
	return ctx.Err()
}

func testd() {
	daemon.Main(daemon.Program[testConfig]{
		Name: "testd", Doc: "testd greets.", Check: (*testConfig).check, Run: runTestd,
	})
}

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"testd": testd})
}

func TestScripts(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		peer.Skip(t, "signals need a Unix system")
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"signal": signalBackground,
			"http":   awaitHTTP,
		},
	})
}

// signalBackground sends a signal to the background programs: signal HUP.
func signalBackground(ts *testscript.TestScript, _ bool, args []string) {
	sig := map[string]os.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM, "INT": os.Interrupt}[args[0]]
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(sig))
	}
}

// awaitHTTP asks the debug socket until it answers as wanted:
// http STATUS PATH [TEXT].
func awaitHTTP(ts *testscript.TestScript, _ bool, args []string) {
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", ts.MkAbs("debug"))
		},
	}}
	want := strings.Join(args[2:], " ")
	var last string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		resp, err := client.Get("http://testd" + args[1])
		if err != nil {
			last = err.Error()
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		ts.Check(err)
		last = fmt.Sprintf("%d %s", resp.StatusCode, body)
		if fmt.Sprint(resp.StatusCode) == args[0] && strings.Contains(string(body), want) {
			return
		}
	}
	ts.Fatalf("http %s: the last answer was: %s", strings.Join(args, " "), last)
}
