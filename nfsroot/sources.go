package nfsroot

import (
	"cmp"
	"fmt"
	"path"
	"strings"
	"time"
)

// DefaultKeyring holds the keys of Debian's archives, on Debian.
const DefaultKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

const (
	debianURL   = "http://deb.debian.org/debian"
	securityURL = "http://deb.debian.org/debian-security"
	snapshotURL = "http://snapshot.debian.org/archive"
)

// DebianMirrors are Debian's archives of a suite with its updates and its
// security fixes, as they were at the time of the snapshot, or as they are when
// that is zero. Without components they offer main.
func DebianMirrors(suite string, snapshot time.Time, components ...string) []Mirror {
	base, security := debianURL, securityURL
	if !snapshot.IsZero() {
		at := snapshot.UTC().Format("20060102T150405Z")
		base = snapshotURL + "/debian/" + at
		security = snapshotURL + "/debian-security/" + at
	}
	return []Mirror{
		{URL: base, Suite: suite, Components: components},
		{URL: base, Suite: suite + "-updates", Components: components},
		{URL: security, Suite: suite + "-security", Components: components},
	}
}

// Archives are the mirrors of the spec with all defaults filled in.
func (s Spec) Archives() []Mirror {
	mirrors := s.Mirrors
	if mirrors == nil {
		mirrors = DebianMirrors(s.Suite, s.Snapshot)
	}
	full := make([]Mirror, len(mirrors))
	for i, m := range mirrors {
		m.Suite = cmp.Or(m.Suite, s.Suite)
		m.Keyring = cmp.Or(m.Keyring, s.Keyring, DefaultKeyring)
		if len(m.Components) == 0 {
			m.Components = []string{"main"}
		}
		full[i] = m
	}
	return full
}

// Date is the newest time of a file in the root: SourceDate, or else Snapshot,
// or else midnight UTC of the day of now.
func (s Spec) Date(now time.Time) time.Time {
	switch {
	case !s.SourceDate.IsZero():
		return s.SourceDate.UTC().Truncate(time.Second)
	case !s.Snapshot.IsZero():
		return s.Snapshot.UTC().Truncate(time.Second)
	}
	return now.UTC().Truncate(24 * time.Hour)
}

// SourcesList is the spec's sources.list(5). With a folder of keyrings, the
// keyrings are named as files of that folder, as they lie in a finished root;
// with "" they are where the spec says, on the machine that builds.
func (s Spec) SourcesList(keyrings string) string {
	var b strings.Builder
	for _, m := range s.Archives() {
		key := m.Keyring
		if keyrings != "" && key != DefaultKeyring {
			key = path.Join(keyrings, path.Base(key))
		}
		opts := "signed-by=" + key
		if !s.Snapshot.IsZero() {
			opts += " check-valid-until=no"
		}
		fmt.Fprintf(&b, "deb [%s] %s %s %s\n", opts, m.URL, m.Suite, strings.Join(m.Components, " "))
	}
	return b.String()
}

// Preferences are the spec's pins as apt_preferences(5).
func (s Spec) Preferences() string {
	var b strings.Builder
	for _, p := range s.Pins {
		fmt.Fprintf(&b, "Package: %s\nPin: %s\nPin-Priority: %d\n\n", p.Package, p.Pin, p.Priority)
	}
	return b.String()
}
