package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
)

// number finds a number in what a program said.
func number(out []byte, pattern string) (int, error) {
	m := regexp.MustCompile(pattern).FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("no %q in %q", pattern, out)
	}
	return strconv.Atoi(string(m[1]))
}

// tls makes handshakes with ab, in TLS 1.3 and without resumption.
func (o *options) tls(ctx context.Context, l *lab, p *proxy) (float64, error) {
	if p == nil {
		return 0, nil
	}
	p.stop() // it relays to the raw server
	own, err := l.startFor(ctx, p.name, tlsServer, false)
	if err != nil {
		return 0, err
	}
	defer own.stop()
	ab := func(n int) error {
		out, err := exec.CommandContext(ctx, "ab", "-q", "-n", strconv.Itoa(n), "-c", "8", "-f", "TLS1.3",
			"https://"+site+":9600/s").CombinedOutput()
		if err != nil {
			return fmt.Errorf("ab: %w: %s", err, out)
		}
		failed, err := number(out, `Failed requests:\s+(\d+)`)
		if err == nil && failed > 0 {
			err = fmt.Errorf("%d requests failed", failed)
		}
		return err
	}
	if err := ab(100); err != nil {
		return 0, err
	}
	before := cpu(own.pid())
	const n = 1500
	err = ab(n)
	return perOp(own, before, n), err
}

// http makes requests with wrk over connections that stay open.
func (o *options) http(ctx context.Context, _ *lab, p *proxy) (float64, error) {
	wrk := func(seconds string) (int, error) {
		out, err := exec.CommandContext(ctx, "wrk", "-t1", "-c8", "-d"+seconds, "http://"+frontHTTP+"/s", "-H", "Host: "+site).CombinedOutput()
		if err != nil {
			return 0, fmt.Errorf("wrk: %w: %s", err, out)
		}
		if bad := regexp.MustCompile(`Non-2xx|Socket errors`).Find(out); bad != nil {
			return 0, fmt.Errorf("wrk: %s", out)
		}
		return number(out, `(\d+) requests in`)
	}
	if _, err := wrk("1"); err != nil {
		return 0, err
	}
	before := cpu(p.pid())
	n, err := wrk("3")
	if err != nil {
		return 0, err
	}
	return perOp(p, before, n), nil
}
