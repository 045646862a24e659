package atomicfile_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/atomicfile"
)

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "state.json")
	unlock, err := atomicfile.Lock(name + ".lock")
	if err != nil {
		log.Fatal(err)
	}
	defer unlock()
	if err := atomicfile.Replace(name, []byte("{}")); err != nil {
		log.Fatal(err)
	}
	info, err := os.Stat(name)
	fmt.Println(info.Mode(), err)
	// Output: -rw------- <nil>
}
