package tty

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// holdBreak turns the BREAK on, waits for d, ctx or gone, and turns it off.
// Who closes gone has turned it off.
func holdBreak(ctx context.Context, gone <-chan struct{}, d time.Duration, set func(on bool) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := set(true); err != nil {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	var early error
	select {
	case <-timer.C:
	case <-ctx.Done():
		early = ctx.Err()
	case <-gone:
		return os.ErrClosed
	}
	err := set(false)
	if err != nil && !errors.Is(err, os.ErrClosed) {
		err = fmt.Errorf("the line may still be silent, close the port: %w", err)
	}
	return errors.Join(early, err)
}
