//go:build !linux

package main

import (
	"errors"
	"fmt"
)

func runInside() error { return fmt.Errorf("network namespaces: %w", errors.ErrUnsupported) }

func prepareNamespace() error { return runInside() }
