package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/nfsroot/cmd/nfsinit/internal/boot"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "nfsinit: is the /init of an initramfs: it runs as process 1 and nowhere else")
		os.Exit(2)
	}
	con := &console{}
	params, err := start(con)
	if err == nil {
		err = bootRoot(con, params)
	}
	con.log(err.Error())
	end(con, params.Panic, err)
}

// start makes the file systems that everything needs, and loads the modules.
func start(con *console) (boot.Params, error) {
	if err := mountAPI(); err != nil {
		return boot.Params{}, err
	}
	con.openKmsg()
	cmdline, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return boot.Params{}, err
	}
	params, err := boot.ParseParams(string(cmdline))
	if err != nil {
		return params, err
	}
	loadModules(con, params.Modules)
	return params, nil
}

// bootRoot returns an error or not at all.
func bootRoot(con *console, params boot.Params) error {
	dog := openWatchdog(con, params.Watchdog)
	net, err := newNetwork()
	if err != nil {
		return err
	}
	m := boot.Machine{Params: params, System: net, Log: con.log, Alive: dog.alive, Uptime: uptime}
	if _, err := m.Run(context.Background()); err != nil {
		return err
	}
	if err := dog.close(); err != nil {
		con.log(err.Error())
	}
	if err := switchRoot(); err != nil {
		return err
	}
	return execInit(params.Init)
}

// end is what becomes of a machine without a root: it starts again after
// panic= seconds, at once if that is negative, or stays as it is.
func end(con *console, seconds int, err error) {
	if errors.Is(err, boot.ErrLimit) && seconds == 0 {
		seconds = -1 // the limit is there to start again
	}
	switch {
	case seconds == 0:
		con.log("stops here: panic= gives no time after which to start again")
		sleepForEver()
	case seconds > 0:
		con.log(fmt.Sprintf("starts again in %d s", seconds))
		time.Sleep(time.Duration(seconds) * time.Second)
	}
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART); err != nil {
		con.log(fmt.Sprintf("restart: %v", err))
	}
	sleepForEver()
}

// sleepForEver keeps the kernel from its panic about an init that ended. The Go
// runtime would take a select{} for a deadlock, and end.
func sleepForEver() {
	for {
		time.Sleep(time.Hour)
	}
}
