package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is what is printed in its place.
const redacted = "[redacted]"

// String is a secret. Whatever prints, logs or encodes it gets "[redacted]";
// string(s) is the secret itself. It is read from JSON or TOML as any string.
type String string

// Format prints the same for every verb.
func (String) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String implements fmt.Stringer.
func (String) String() string { return redacted }

// MarshalText implements encoding.TextMarshaler.
func (String) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *String) UnmarshalText(text []byte) error {
	*s = String(text)
	return nil
}

// LogValue implements slog.LogValuer.
func (String) LogValue() slog.Value { return slog.StringValue(redacted) }
