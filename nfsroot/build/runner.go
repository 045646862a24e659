package build

import (
	"context"
	"io"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

// Runner runs the program that makes a tree. The real one is [*Sandbox]; the
// fake in nfsroottest needs neither root nor a network.
type Runner interface {
	// Run returns when the command and everything that it started has ended. An
	// error of the command itself has a method ExitCode, as *exec.ExitError has.
	// When ctx ends, all is killed.
	Run(ctx context.Context, c Command) error
}

// Command is one run of a bootstrapping tool.
type Command struct {
	// Script is for /bin/sh. Its positional parameters are Args.
	Script string
	Args   []string
	// Env is the whole environment.
	Env []string
	// Arch is the architecture whose programs the script runs.
	Arch nfsroot.Arch
	// Root is the folder, there and empty, in which the tree is to lie
	// afterwards.
	Root string
	// Stdout, when not nil, takes the tree as a tar archive; Root is then empty
	// again afterwards.
	Stdout io.Writer
	// Log takes what the tools say.
	Log io.Writer
}
