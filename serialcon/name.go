package serialcon

import "fmt"

// MaxName is the length in bytes that a console's name may have.
const MaxName = 64

// CheckName says whether a name is fit for a console: 1 to 64 of
// [A-Za-z0-9._-], no dot in front. A name becomes a file's name, a user name
// in SSH and a word in commands. The error wraps ErrName.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: it is empty", ErrName)
	case len(name) > MaxName:
		return fmt.Errorf("%w: %d bytes are more than %d", ErrName, len(name), MaxName)
	case name[0] == '.':
		return fmt.Errorf("%w: %q starts with a dot", ErrName, name)
	}
	for i := range len(name) {
		if !nameByte(name[i]) {
			return fmt.Errorf("%w: %q holds %q; letters, digits and . _ - may be in it", ErrName, name, name[i])
		}
	}
	return nil
}

func nameByte(b byte) bool {
	switch {
	case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9':
		return true
	}
	return b == '.' || b == '_' || b == '-'
}
