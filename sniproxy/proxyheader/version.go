package proxyheader

import "fmt"

// Version is which form of the header, if any, a connection begins with.
type Version uint8

// The versions. Off, the zero value, is no header at all.
const (
	Off Version = iota
	V1          // one line of text
	V2          // binary, with extensions
)

// String returns "off", "v1" or "v2".
func (v Version) String() string {
	switch v {
	case Off:
		return "off"
	case V1:
		return "v1"
	case V2:
		return "v2"
	}
	return fmt.Sprintf("Version(%d)", uint8(v))
}

// MarshalText returns the name that [Version.UnmarshalText] reads.
func (v Version) MarshalText() ([]byte, error) {
	if v > V2 {
		return nil, fmt.Errorf("proxyheader: no version %d of the PROXY protocol: use off, v1 or v2", uint8(v))
	}
	return []byte(v.String()), nil
}

// UnmarshalText reads "off", "v1" or "v2", as configuration files write it.
func (v *Version) UnmarshalText(text []byte) error {
	switch string(text) {
	case "off", "":
		*v = Off
	case "v1":
		*v = V1
	case "v2":
		*v = V2
	default:
		return fmt.Errorf("proxyheader: no version %q of the PROXY protocol: use off, v1 or v2", text)
	}
	return nil
}
