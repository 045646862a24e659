package daemon

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
)

// Listen returns the stream socket that systemd passed under the name (its
// FileDescriptorName=), or else listens on the address.
func (d *Daemon[C]) Listen(ctx context.Context, name, network, address string) (net.Listener, error) {
	file := d.takeSocket(name)
	if file == nil {
		var lc net.ListenConfig
		lc.SetMultipathTCP(false) // of no use to a server with one address, and slower
		return lc.Listen(ctx, network, address)
	}
	defer file.Close()
	ln, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("%s: socket %q from systemd: %w", d.name, name, err)
	}
	return ln, nil
}

// ListenPacket is [Daemon.Listen] for datagrams.
func (d *Daemon[C]) ListenPacket(ctx context.Context, name, network, address string) (net.PacketConn, error) {
	file := d.takeSocket(name)
	if file == nil {
		return new(net.ListenConfig).ListenPacket(ctx, network, address)
	}
	defer file.Close()
	conn, err := net.FilePacketConn(file)
	if err != nil {
		return nil, fmt.Errorf("%s: socket %q from systemd: %w", d.name, name, err)
	}
	return conn, nil
}

// ListenUnix listens on a Unix socket. It takes the place of one that a killed
// process has left, but not of one on which somebody listens.
func ListenUnix(ctx context.Context, path string) (net.Listener, error) {
	if conn, err := new(net.Dialer).DialContext(ctx, "unix", path); err == nil {
		conn.Close()
		return nil, fmt.Errorf("socket %s is in use: does another process of this program run?", path)
	} else if fi, err := os.Lstat(path); err == nil && fi.Mode().Type() == fs.ModeSocket {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	return new(net.ListenConfig).Listen(ctx, "unix", path)
}

// takeSocket returns the next socket of the name, or nil.
func (d *Daemon[C]) takeSocket(name string) *os.File {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.sockets, func(f *os.File) bool { return f.Name() == name })
	if i < 0 {
		return nil
	}
	file := d.sockets[i]
	d.sockets = slices.Delete(d.sockets, i, i+1)
	return file
}

// closeSockets closes those that were not taken.
func (d *Daemon[C]) closeSockets() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, file := range d.sockets {
		d.Log.Warn("a socket was passed to this program that its configuration has no use for", "name", file.Name())
		file.Close()
	}
	d.sockets = nil
}
