package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// modulesList names the modules in the order to load them. Package initramfs
// writes it.
const modulesList = "/modules.list"

// loadModules loads what it can: whether it was enough shows when the root is
// mounted.
func loadModules(con *console, parameters map[string]string) {
	list, err := os.ReadFile(modulesList)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		con.log(fmt.Sprintf("list of modules: %v", err))
	}
	loaded := 0
	for path := range strings.FieldsSeq(string(list)) {
		name := strings.TrimSuffix(filepath.Base(path), ".ko")
		err := loadModule(path, parameters[name])
		if err != nil && !errors.Is(err, unix.EEXIST) {
			con.log(fmt.Sprintf("load module %s: %v", name, err))
			continue
		}
		loaded++
	}
	con.log(fmt.Sprintf("%d modules loaded", loaded))
}

func loadModule(path, parameters string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.FinitModule(int(f.Fd()), parameters, 0)
}
