package pkcs11key

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/miekg/pkcs11"
)

// Options say where the token is. All but Sessions are needed.
type Options struct {
	// Module is the path of the token's library.
	Module string
	// Token is the label of the token.
	Token string
	// PINFile has the PIN of the user, and a final newline that does not count. Only its
	// owner may read it. It is read at each login.
	PINFile string
	// Sessions is how many keys sign at once; zero means 4.
	Sessions int
}

// ErrPIN is wrapped by errors about a PIN that the token has refused. It is not tried
// again before the file changes.
var ErrPIN = errors.New("the token refuses the PIN")

// ErrToken is wrapped by errors about a token that is not there.
var ErrToken = errors.New("no token has that label")

// Store has the keys of a token. It may be used by many goroutines.
type Store struct {
	o   Options
	lib *pkcs11.Ctx

	making sync.Mutex // one key is made at a time

	mu      sync.RWMutex // held for reading while the connection is used
	conn    *conn        // nil: connect
	closed  bool
	refused os.FileInfo // of the file whose PIN was refused
}

// conn is a login to the token.
type conn struct {
	slot     uint
	sessions []pkcs11.SessionHandle
	free     chan pkcs11.SessionHandle
}

// Open loads the library and logs in.
func Open(o Options) (*Store, error) {
	if o.Sessions == 0 {
		o.Sessions = 4
	}
	s := &Store{o: o, lib: pkcs11.New(o.Module)}
	if s.lib == nil {
		return nil, fmt.Errorf("pkcs11key: load %q: %w", o.Module, errLibrary)
	}
	if err := s.reconnect(nil); err != nil {
		s.lib.Destroy()
		return nil, fmt.Errorf("pkcs11key: open token %q: %w", o.Token, err)
	}
	return s, nil
}

var errLibrary = errors.New("it is no library of PKCS #11, or is not there")

// Close logs out and unloads the library. It may be called again.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.disconnect()
	s.lib.Destroy()
	return nil
}

// attempts is how often a call is made whose session was lost.
const attempts = 3

// do runs fn with a session, again with another if the token lost its sessions.
func (s *Store) do(ctx context.Context, fn func(pkcs11.SessionHandle) error) error {
	for n := 1; ; n++ {
		c, err := s.once(ctx, fn)
		if err == nil || !lost(err) && !errors.Is(err, errNoLogin) || n == attempts {
			return err
		}
		if err := s.reconnect(c); err != nil {
			return err
		}
	}
}

var errNoLogin = errors.New("not logged in")

func (s *Store) once(ctx context.Context, fn func(pkcs11.SessionHandle) error) (*conn, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.conn
	switch {
	case s.closed:
		return nil, fs.ErrClosed
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case c == nil:
		return nil, errNoLogin
	}
	select {
	case session := <-c.free:
		defer func() { c.free <- session }()
		return c, fn(session)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// lost reports whether an error says that sessions are of no use any more.
func lost(err error) bool {
	code, ok := errors.AsType[pkcs11.Error](err)
	if !ok {
		return false
	}
	switch code {
	case pkcs11.CKR_SESSION_HANDLE_INVALID, pkcs11.CKR_SESSION_CLOSED, pkcs11.CKR_USER_NOT_LOGGED_IN,
		pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED, pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_DEVICE_REMOVED,
		pkcs11.CKR_TOKEN_NOT_PRESENT, pkcs11.CKR_TOKEN_NOT_RECOGNIZED, pkcs11.CKR_SLOT_ID_INVALID,
		pkcs11.CKR_GENERAL_ERROR, pkcs11.CKR_OBJECT_HANDLE_INVALID, pkcs11.CKR_KEY_HANDLE_INVALID:
		return true
	}
	return false
}

// reconnect replaces a connection, unless someone else has.
func (s *Store) reconnect(old *conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fs.ErrClosed
	}
	if s.conn != old {
		return nil
	}
	s.disconnect()
	if err := s.lib.Initialize(); err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED)) {
		return fmt.Errorf("initialise the library: %w", err)
	}
	c, err := s.login()
	if err != nil {
		_ = s.lib.Finalize() // the first error counts
		return err
	}
	s.conn = c
	return nil
}

// disconnect ends what may have ended by itself: errors say no more.
func (s *Store) disconnect() {
	if s.conn == nil {
		return
	}
	_ = s.lib.CloseAllSessions(s.conn.slot)
	_ = s.lib.Finalize()
	s.conn = nil
}

func (s *Store) login() (*conn, error) {
	slot, err := s.slot()
	if err != nil {
		return nil, err
	}
	c := &conn{slot: slot, free: make(chan pkcs11.SessionHandle, s.o.Sessions)}
	for range s.o.Sessions {
		session, err := s.lib.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
		if err != nil {
			return nil, fmt.Errorf("open a session: %w", err)
		}
		c.sessions = append(c.sessions, session)
		c.free <- session
	}
	return c, s.enterPIN(c.sessions[0])
}

// slot finds the token.
func (s *Store) slot() (uint, error) {
	slots, err := s.lib.GetSlotList(true)
	if err != nil {
		return 0, fmt.Errorf("list slots: %w", err)
	}
	for _, slot := range slots {
		info, err := s.lib.GetTokenInfo(slot)
		if err == nil && info.Label == s.o.Token {
			return slot, nil
		}
	}
	return 0, fmt.Errorf("token %q: %w", s.o.Token, ErrToken)
}

// enterPIN logs in, for all sessions.
func (s *Store) enterPIN(session pkcs11.SessionHandle) error {
	info, err := os.Stat(s.o.PINFile)
	if err != nil {
		return fmt.Errorf("PIN: %w", err)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return fmt.Errorf("PIN file %q has mode %v: chmod it to 0600", s.o.PINFile, perm)
	}
	if r := s.refused; r != nil && os.SameFile(r, info) && r.ModTime().Equal(info.ModTime()) && r.Size() == info.Size() {
		return fmt.Errorf("%w of %q, and it has not changed", ErrPIN, s.o.PINFile)
	}
	pin, err := os.ReadFile(s.o.PINFile)
	if err != nil {
		return fmt.Errorf("PIN: %w", err)
	}
	err = s.lib.Login(session, pkcs11.CKU_USER, strings.TrimRight(string(pin), "\r\n"))
	code, _ := errors.AsType[pkcs11.Error](err)
	switch code {
	case pkcs11.CKR_USER_ALREADY_LOGGED_IN:
		err = nil
	case pkcs11.CKR_PIN_INCORRECT, pkcs11.CKR_PIN_INVALID, pkcs11.CKR_PIN_LEN_RANGE, pkcs11.CKR_PIN_LOCKED, pkcs11.CKR_PIN_EXPIRED:
		s.refused = info
		return fmt.Errorf("%w of %q: %w", ErrPIN, s.o.PINFile, err)
	}
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	s.refused = nil
	return nil
}
