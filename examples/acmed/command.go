package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// maxOutput is how much of what a command says is kept.
const maxOutput = 2048

// paths are what a command gets to know of a certificate, in its environment. What is
// secret is in the files.
type paths struct {
	Name                        string
	Names                       []string
	Key, Cert, Chain, FullChain string
	NotAfter                    time.Time
}

// environment is that of a command: little of ours, which may have secrets.
func (p *paths) environment() []string {
	env := []string{
		"ACMED_CERTIFICATE=" + p.Name, "ACMED_NAMES=" + strings.Join(p.Names, " "),
		"ACMED_KEY=" + p.Key, "ACMED_CERT=" + p.Cert, "ACMED_CHAIN=" + p.Chain, "ACMED_FULLCHAIN=" + p.FullChain,
	}
	if !p.NotAfter.IsZero() {
		env = append(env, "ACMED_NOT_AFTER="+p.NotAfter.UTC().Format(time.RFC3339))
	}
	for _, name := range []string{"PATH", "HOME", "LANG", "TZ"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// runCommand runs a command, and ends it and all that it started after a time.
func runCommand(ctx context.Context, command []string, p *paths, timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("took longer than %v", timeout))
	defer cancel()
	var said tail
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env, cmd.Dir = p.environment(), "/"
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil && cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what ignored the other signal
		err = errors.Join(context.Cause(ctx), err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w%s", command[0], err, said.words())
	}
	return nil
}

// tail keeps the end of what is written.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if over := len(t.text) - maxOutput; over > 0 {
		t.text = t.text[over:]
	}
	return len(p), nil
}

// words quotes what was said.
func (t *tail) words() string {
	if text := bytes.TrimSpace(t.text); len(text) > 0 {
		return fmt.Sprintf(": it said %q", text)
	}
	return ""
}
