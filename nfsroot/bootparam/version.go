package bootparam

import "fmt"

// Version is a version of the NFS protocol. Its zero value means that none is
// named.
type Version uint8

// The versions that Linux mounts a root by.
const (
	V3   Version = iota + 1 // RFC 1813
	V4_0                    // RFC 7530
	V4_1                    // RFC 8881
	V4_2                    // RFC 7862
)

var versions = [...]string{V3: "3", V4_0: "4.0", V4_1: "4.1", V4_2: "4.2"}

// String is the version as the mount option vers= takes it, such as "4.2".
func (v Version) String() string {
	if int(v) < len(versions) {
		return versions[v]
	}
	return fmt.Sprintf("Version(%d)", uint8(v))
}

// Major is 3 or 4, and 0 for no version.
func (v Version) Major() int {
	switch {
	case v == V3:
		return 3
	case v.known():
		return 4
	}
	return 0
}

func (v Version) known() bool { return v >= V3 && v <= V4_2 }

// ParseVersion reads what vers= takes. "4" is version 4.0, as for the kernel;
// the program mount.nfs takes it for the newest that the server has.
func ParseVersion(text string) (Version, error) {
	if text == "4" {
		return V4_0, nil
	}
	for v := V3; v.known(); v++ {
		if versions[v] == text {
			return v, nil
		}
	}
	return 0, fmt.Errorf("bootparam: NFS version %q is not one of 3, 4.0, 4.1 and 4.2", text)
}
