package watch_test

import (
	"fmt"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon/watch"
)

func Example() {
	m := &watch.Matcher{Silence: 10 * time.Minute}
	at := time.Date(2026, 11, 26, 7, 0, 0, 0, time.UTC)
	show := func(matches []watch.Match) {
		for _, match := range matches {
			fmt.Printf("%s %q\n", match.Name, match.Text)
		}
	}
	show(m.Write(at, []byte("[ 1.2] Kernel pan")))
	show(m.Write(at, []byte("ic - not syncing: VFS: Unable to mount root fs\r\n")))
	show(m.Write(at, []byte("pi-042 login: ")))
	show(m.Tick(m.Due()))
	show(m.Tick(at.Add(10 * time.Minute)))
	// Output:
	// kernel-panic "[ 1.2] Kernel panic - not syncing"
	// login "pi-042 login: "
	// silence ""
}
