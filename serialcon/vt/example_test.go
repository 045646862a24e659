package vt_test

import (
	"fmt"
	"os"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon/vt"
)

func Example() {
	s := vt.New(80, 24, 1000)
	s.Lines = func(_ time.Time, text []byte) { fmt.Printf("log: %s\n", text) }
	s.Write([]byte("Checking disk:  10%\rChecking disk:  50%\rChecking disk: done\r\n"))
	s.Write([]byte("\x1b[1;31mKernel panic\x1b[m - not syncing"))
	fmt.Print(s.Text())
	// Output:
	// log: Checking disk: done
	// Checking disk: done
	// Kernel panic - not syncing
}

func ExampleSanitizer() {
	var z vt.Sanitizer // one for each stream
	for _, burst := range []string{"\x1b[1mboot\x1b", "[6n ok\x1b[m\n"} {
		fmt.Printf("%q\n", z.Append(nil, []byte(burst)))
	}
	// Output:
	// "\x1b[1mboot"
	// " ok\x1b[m\n"
}

func ExampleStrip() {
	_, _ = os.Stdout.Write(vt.Strip(nil, []byte("[\x1b[0;32m  OK  \x1b[0m] Started ssh.\r\n")))
	// Output: [  OK  ] Started ssh.
}

func ExampleScreen_HTML() {
	s := vt.New(20, 1, 0)
	s.Write([]byte("\x1b[31m<panic>\x1b[m"))
	fmt.Println(s.HTML())
	// Output:
	// <pre class="vt"><span class="vt-f1">&lt;panic&gt;</span>
	// </pre>
}
