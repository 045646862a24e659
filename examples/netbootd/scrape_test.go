package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// get asks a daemon's debug socket.
func get(ctx context.Context, socket, path string) (string, error) {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://netbootd"+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return string(body), err
}

// scrape waits until /metrics has a line: scrape 'LINE'.
func scrape(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(poll(func(ctx context.Context) error {
		body, err := get(ctx, ts.MkAbs("debug.sock"), "/metrics")
		if err == nil && !strings.Contains(body, args[0]+"\n") {
			err = fmt.Errorf("/metrics has no line %q", args[0])
		}
		return err
	}))
}
