package account

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Cost is what hashing a password by Argon2id costs (RFC 9106).
type Cost struct {
	// Time is the number of passes, Memory is in KiB, Threads is the number of lanes.
	Time, Memory uint32
	Threads      uint8
}

// RFC 9106 section 4, the second choice: for where 2 GiB a login is too much.
var usualCost = Cost{Time: 3, Memory: 64 << 10, Threads: 4}

// The bounds of hashes that are believed: a file must not make a login eat the machine.
const (
	mostTime   = 64
	mostMemory = 2 << 20 // KiB: RFC 9106's first choice
	saltSize   = 16
	hashSize   = 32
)

var errCost = errors.New("the cost of passwords is out of bounds: see RFC 9106 section 4")

func (c Cost) check() error {
	if c.Time < 1 || c.Time > mostTime || c.Threads < 1 || c.Memory < 8*uint32(c.Threads) || c.Memory > mostMemory {
		return errCost
	}
	return nil
}

// hash hashes a password with a new salt.
func (c Cost) hash(password string) passwordHash {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	return passwordHash{c, salt, c.key(password, salt, hashSize)}
}

func (c Cost) key(password string, salt []byte, size int) []byte {
	return argon2.IDKey([]byte(password), salt, c.Time, c.Memory, c.Threads, uint32(size)) // at most 64
}

// passwordHash is a password that was hashed.
type passwordHash struct {
	cost      Cost
	salt, key []byte
}

// is reports whether it is that of the password.
func (h passwordHash) is(password string) bool {
	return subtle.ConstantTimeCompare(h.cost.key(password, h.salt, len(h.key)), h.key) == 1
}

// String is the hash in the PHC string format.
func (h passwordHash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.cost.Memory, h.cost.Time, h.cost.Threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.key))
}

var errPHC = errors.New("not the hash of a password: $argon2id$v=19$m=...,t=...,p=...$salt$hash is")

// parseHash reads what String writes, and nothing else: each hash has one form. Its errors
// do not have the hash.
func parseHash(s string) (h passwordHash, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return h, errPHC
	}
	for i, field := range strings.Split(parts[3], ",") {
		if i > 2 {
			return h, errPHC
		}
		value, found := strings.CutPrefix(field, []string{"m=", "t=", "p="}[i])
		n, err := strconv.ParseUint(value, 10, []int{32, 32, 8}[i])
		if !found || err != nil {
			return h, errPHC
		}
		switch i {
		case 0:
			h.cost.Memory = uint32(n)
		case 1:
			h.cost.Time = uint32(n)
		case 2:
			h.cost.Threads = uint8(n)
		}
	}
	if err := h.cost.check(); err != nil {
		return h, err
	}
	h.salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	if err == nil {
		h.key, err = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	}
	if err != nil || len(h.salt) < 8 || len(h.salt) > 64 || len(h.key) < 16 || len(h.key) > 64 || h.String() != s {
		return h, errPHC
	}
	return h, nil
}
