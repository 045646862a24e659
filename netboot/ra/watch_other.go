//go:build !linux

package ra

import "time"

// watch returns a channel that is sent to every few seconds, until stop is
// called: what has changed is found by looking.
func watch() (changes <-chan struct{}, stop func(), err error) {
	ticker := time.NewTicker(5 * time.Second)
	changed := make(chan struct{})
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ticker.C:
			case <-end:
				return
			}
			select {
			case changed <- struct{}{}:
			case <-end:
				return
			}
		}
	}()
	return changed, func() { ticker.Stop(); close(end); <-ended }, nil
}
