package kv_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/mythic-beasts/hostkit/internal/kv"
)

func Example() {
	fmt.Println(kv.CheckKey("zone/example.com"))
	fmt.Println(errors.Is(kv.CheckKey(strings.Repeat("x", kv.MaxKey+1)), kv.ErrInvalid))
	fmt.Println(errors.Is(kv.ErrLockLost, fs.ErrExist))
	// Output:
	// <nil>
	// true
	// true
}
