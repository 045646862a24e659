//go:build !unix

package deb

import (
	"context"
	"errors"
)

func lock(context.Context, string) (unlock func(), err error) { return nil, errors.ErrUnsupported }
