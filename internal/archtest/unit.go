package archtest

import (
	"context"
	"fmt"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// DefaultExposure is the most that systemd-analyze security may count against a
// unit, on its scale of 0 to 100.
const DefaultExposure = 20

// ownExposure is a comment by which a unit that needs more says how much, and
// why, as in "# exposure: 32: raw sockets for DHCP".
var ownExposure = regexp.MustCompile(`(?m)^# exposure: (\d+): \S.*$`)

// Exposure is the threshold for a unit file.
func Exposure(unit string) int {
	if m := ownExposure.FindStringSubmatch(unit); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			return n
		}
	}
	return DefaultExposure
}

// Units finds service files that leave more of the system open to their program
// than they need, as the systemd-analyze at the given path counts it. The
// repository is at root.
func Units(ctx context.Context, r *Repo, root, systemdAnalyze string) []Finding {
	var found []Finding
	for _, f := range r.Files {
		if path.Ext(f.Path) != ".service" {
			continue
		}
		cmd := exec.CommandContext(ctx, systemdAnalyze, "security", "--offline=true", "--no-pager",
			"--threshold="+strconv.Itoa(Exposure(f.Text)), filepath.Join(root, filepath.FromSlash(f.Path)))
		if out, err := cmd.CombinedOutput(); err != nil {
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			found = append(found, Finding{f.Path, fmt.Sprintf("%v: %s", err, strings.TrimSpace(lines[len(lines)-1]))})
		}
	}
	return found
}
