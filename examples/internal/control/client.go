package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// ErrNoDaemon says that nobody listens on the socket.
var ErrNoDaemon = errors.New("the daemon does not answer")

// Client asks a daemon.
type Client struct {
	// Socket is the path of the daemon's.
	Socket string
	// Timeout is how long an answer may take.
	Timeout time.Duration
}

// Call returns the daemon's answer. Its own error is the error, in the same words; one
// that wraps [ErrNoDaemon] says that there is none.
func (c Client) Call(ctx context.Context, method, path string, form url.Values) ([]byte, error) {
	client := &http.Client{Timeout: c.Timeout, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", c.Socket)
		},
	}}
	defer client.CloseIdleConnections()
	u := url.URL{Scheme: "http", Host: "daemon", Path: path, RawQuery: form.Encode()}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		cause := errors.Unwrap(err) // without the URL, which means nothing to people
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
			cause = fmt.Errorf("%w: %w", ErrNoDaemon, cause)
		}
		return nil, fmt.Errorf("ask the daemon on %s: %w", c.Socket, cause)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("ask the daemon on %s: %w", c.Socket, err)
	}
	if resp.StatusCode != http.StatusOK {
		var said problem
		if json.Unmarshal(body, &said) != nil || said.Error == "" {
			said.Error = resp.Status
		}
		return nil, errors.New(said.Error)
	}
	return body, nil
}
