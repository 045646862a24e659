package deb

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

// apt runs apt's programs with folders of their own.
type apt struct {
	dir     string // absolute
	sources string // sources.list
}

func (a *apt) path(name string) string { return filepath.Join(a.dir, name) }

// setUp makes the folders and writes the configuration. Lists of other sources
// are forgotten.
func (a *apt) setUp(ctx context.Context, arch nfsroot.Arch) error {
	for _, sub := range []string{"etc", "state/lists/partial", "cache/archives/partial", "debs"} {
		if err := os.MkdirAll(a.path(sub), 0o755); err != nil {
			return err
		}
	}
	if old, err := os.ReadFile(a.path("etc/sources.list")); err != nil || string(old) != a.sources {
		if err := os.RemoveAll(a.path("updated")); err != nil {
			return err
		}
	}
	transport, err := hostTransport(ctx)
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		"etc/sources.list": a.sources,
		"apt.conf":         a.config(arch) + transport,
		"status":           "",
	} {
		if err := writeFile(a.path(name), text); err != nil {
			return err
		}
	}
	return nil
}

// writeFile leaves alone a file that is what it should be, because another
// process may be reading it.
func writeFile(path, text string) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == text {
		return nil
	}
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// config is apt.conf(5). Because Parts and Main point nowhere, none of the
// machine's hooks run, which may act on the machine's own folders.
func (a *apt) config(arch nfsroot.Arch) string {
	return fmt.Sprintf(`Dir::Etc::Parts "/dev/null";
Dir::Etc::Main "/dev/null";
Dir::Etc "%[1]s/etc";
Dir::Etc::netrc "/etc/apt/auth.conf";
Dir::Etc::netrcparts "/etc/apt/auth.conf.d";
Dir::State "%[1]s/state";
Dir::State::status "%[1]s/status";
Dir::Cache "%[1]s/cache";
Dir::Log "%[1]s/cache";
APT::Architecture "%[2]s";
APT::Architectures { "%[2]s"; };
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::PDiffs "false";
Acquire::Retries "2";
`, a.dir, arch)
}

// hostTransport is how the machine's own apt reaches mirrors: its proxies, its
// timeouts and its certificates.
func hostTransport(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "apt-config", "dump").Output()
	if err != nil {
		return "", fmt.Errorf("apt-config dump: %w", err)
	}
	var b strings.Builder
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "Acquire::http::") || strings.HasPrefix(line, "Acquire::https::") {
			b.WriteString(line)
		}
	}
	return b.String(), nil
}

// run runs one of apt's programs in a folder, and returns what it writes to its
// output.
func (a *apt) run(ctx context.Context, dir, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "APT_CONFIG="+a.path("apt.conf"), "LC_ALL=C")
	cmd.WaitDelay = 5 * time.Second // a method of apt holds the output open
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return "", &Error{Command: program + " " + strings.Join(args, " "), Output: complaints.String(), Err: diagnose(err, complaints.String())}
	}
	return out.String(), nil
}

// update fetches the package lists.
func (a *apt) update(ctx context.Context) error {
	if _, err := a.run(ctx, a.dir, "apt-get", "update", "-q"); err != nil {
		return err
	}
	return os.WriteFile(a.path("updated"), nil, 0o644)
}

// age is how long ago the lists were fetched, negative when they never were.
func (a *apt) age() time.Duration {
	info, err := os.Stat(a.path("updated"))
	if err != nil {
		return -1
	}
	if age := time.Since(info.ModTime()); age >= 0 {
		return age
	}
	return math.MaxInt64 // the clock was ahead at the time
}
