package netnstest

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

func (ns *NS) do(fn func() error) error {
	handle, err := os.Open("/run/netns/" + ns.name)
	if err != nil {
		return fmt.Errorf("netnstest: open namespace: %w", err)
	}
	defer handle.Close()
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the runtime ends the thread with this goroutine, so
		// no other goroutine can find itself in the namespace.
		runtime.LockOSThread()
		if err := unix.Setns(int(handle.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("netnstest: enter %s: %w", ns.name, err)
			return
		}
		done <- fn()
	}()
	return <-done
}
