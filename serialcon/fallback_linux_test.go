package serialcon_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

// impostor says that it is Pollable, with a descriptor that epoll refuses.
type impostor struct {
	serialcon.Port
	file *os.File
}

func (i *impostor) SyscallConn() (syscall.RawConn, error) { return i.file.SyscallConn() }

type impostors struct {
	serialcon.Opener
	file *os.File
}

func (o impostors) Open(ctx context.Context) (serialcon.Port, error) {
	p, err := o.Opener.Open(ctx)
	return &impostor{p, o.file}, err
}

func TestADescriptorThatCannotBePolledIsReadAllTheSame(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "plain"))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	u, log := new(serialcontest.UART), new(serialcontest.Log)
	c := &serialcon.Console{Name: "c", Port: impostors{u, file}, Log: log, Engine: new(serialcon.Engine)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	require.NoError(t, u.WaitOpen(ctx))
	_, err = io.WriteString(u.Far(), "hello")
	require.NoError(t, err)
	require.NoError(t, log.Wait(ctx, func(b []byte, _ []serialcon.Event) bool { return string(b) == "hello" }))
	cancel()
	require.NoError(t, <-ended)
}
