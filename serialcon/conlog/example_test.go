package conlog_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

// A log is written and searched.
func Example() {
	dir, err := os.MkdirTemp("", "conlog")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	logs := &conlog.Store{Dir: filepath.Join(dir, "consoles")}
	l, err := logs.Open("pi-042")
	if err != nil {
		log.Print(err)
		return
	}
	defer l.Close()
	at := time.Date(2026, 11, 26, 6, 46, 3, 123e6, time.UTC)
	if err := l.Write(at, []byte("Kernel panic - not syncing\r\nRebooting")); err != nil {
		log.Print(err)
	}
	err = l.Search(context.Background(), conlog.Query{Text: "panic"}, func(line conlog.Line) error {
		fmt.Println(line.At.Format(time.RFC3339Nano), string(line.Text))
		return nil
	})
	if err != nil {
		log.Print(err)
	}
	// Output: 2026-11-26T06:46:03.123Z Kernel panic - not syncing
}
