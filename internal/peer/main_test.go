package peer_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"testing"
)

// modeEnv makes this test binary be the program that the tests start.
const modeEnv = "HOSTKIT_PEER_TEST_MODE"

func TestMain(m *testing.M) {
	mode, ok := os.LookupEnv(modeEnv)
	if !ok {
		os.Exit(m.Run())
	}
	switch mode {
	case "ready":
		fmt.Println("listening on port 4711")
	case "exit3":
		fmt.Println("cannot bind")
		os.Exit(3)
	case "stubborn":
		signal.Ignore(os.Interrupt, terminate)
		fmt.Println("up")
	case "parent":
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), modeEnv+"=stubborn")
		child.Stdout = os.Stdout
		if err := child.Start(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("child", child.Process.Pid)
	}
	// Live until the standard input ends, which is never but by a kill.
	bufio.NewReader(os.Stdin).ReadByte()
	select {}
}

func helper(mode string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), modeEnv+"="+mode)
	return cmd
}
