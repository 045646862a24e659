package rfc2136

import (
	"fmt"
	"log/slog"
)

// Secret is a key in base64. Nothing that formats, logs or marshals shows it.
type Secret string

const redacted = "[redacted]"

func (Secret) String() string { return redacted }

// Format writes the same for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, redacted) }

// LogValue is for slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is for JSON and others.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
