package build

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

const inRootKeyrings = "/etc/apt/keyrings"

// writeBuildConfig fills a folder with what lies in the tree's /etc during the
// build, so that no step of it works with defaults. What of it may not stay is
// among what clearBuild removes.
func (j job) writeBuildConfig(b Backend) error {
	files := map[string]string{}
	for _, kind := range []string{"rsa", "ecdsa", "ed25519"} {
		// openssh-server makes no key where one is: those that it would make here
		// are thrown away, and an emulated machine takes a minute for them
		files["etc/ssh/ssh_host_"+kind+"_key"] = ""
	}
	if p := j.spec.Preferences(); p != "" {
		files["etc/apt/preferences.d/nfsroot"] = p
	}
	files["etc/dpkg/dpkg.cfg.d/99nfsroot-build"] = strings.Join(j.dpkgOptions(), "\n") + "\n"
	if b == Debootstrap {
		files["etc/apt/apt.conf.d/99nfsroot-build"] = strings.Join(aptOptions, "\n") + "\n"
		files["etc/apt/sources.list"] = j.spec.SourcesList(inRootKeyrings)
		for _, k := range keyrings(j.spec) {
			key, err := os.ReadFile(k)
			if err != nil {
				return fmt.Errorf("keyring: %w", err)
			}
			files[filepath.Join(inRootKeyrings, filepath.Base(k))] = string(key)
		}
	}
	for name, text := range files {
		path := filepath.Join(j.config, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// keyrings are the keyrings that do not come with a package of the root.
func keyrings(s nfsroot.Spec) []string {
	var list []string
	for _, m := range s.Archives() {
		if m.Keyring != nfsroot.DefaultKeyring {
			list = append(list, m.Keyring)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// checkKeyrings finds a missing keyring before minutes of work.
func checkKeyrings(s nfsroot.Spec) error {
	for _, m := range s.Archives() {
		if _, err := os.Stat(m.Keyring); err != nil {
			return fmt.Errorf("keyring of %s: %w", m.URL, err)
		}
	}
	return nil
}
