//go:build !linux

package filekv

import (
	"context"
	"errors"
	"os"
)

// notifier is what only Linux has.
type notifier struct{}

func newNotifier() *notifier { return nil }

func (*notifier) close() {}

func (*notifier) add(*os.File, string) error { return errors.ErrUnsupported }

func (*notifier) wait(context.Context, <-chan struct{}) (map[string]change, bool, error) {
	return nil, false, errors.ErrUnsupported
}
