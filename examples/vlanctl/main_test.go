package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"vlanctl": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true})
}

func TestCommandsAreDocumented(t *testing.T) {
	for name := range program.Commands {
		require.Contains(t, usage, "\n  "+name+" ", "of vlanctl -help")
	}
}
