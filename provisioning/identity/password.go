package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"naisen/provisioning"
)

// MinPassword is the shortest password that a person may choose, in characters; maxPassword bounds the work of hashing, in bytes.
const (
	MinPassword = 12
	maxPassword = 1024
)

// Secrets of a user in the store; they are deleted with the user.
const (
	secretPassword = "user/password"
	secretGrants   = "user/grants"
)

// argon2id parameters of new verifiers (OWASP Password Storage Cheat Sheet: 19 MiB, 2 passes, 1 lane).
const (
	argonMemory = 19 << 10 // KiB
	argonPasses = 2
	argonLanes  = 1
	argonKey    = 32
	argonSalt   = 16
)

// verifier is what the store keeps of a password, sealed. The parameters stand beside it so that they can grow.
type verifier struct {
	Memory uint32 `json:"m"` // KiB
	Passes uint32 `json:"t"`
	Lanes  uint8  `json:"p"`
	Salt   []byte `json:"salt"`
	Key    []byte `json:"key"`
	// MustChange: a one-time password; a new one is set before any code is issued.
	MustChange bool `json:"must_change,omitempty"`
	// Sealed: of the break-glass account. No other way leads to one, and no way from one to a password that a person chose.
	Sealed bool `json:"sealed,omitempty"`
}

func (verifier) String() string   { return "[redacted]" }
func (verifier) GoString() string { return "[redacted]" }

func newVerifier(password string, mustChange bool) verifier {
	salt := make([]byte, argonSalt)
	rand.Read(salt) // never fails: it ends the program instead
	return verifier{
		Memory: argonMemory, Passes: argonPasses, Lanes: argonLanes, Salt: salt, MustChange: mustChange,
		Key: argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, argonLanes, argonKey),
	}
}

// nobodysVerifier fits no password and costs what a real one costs.
func nobodysVerifier() verifier {
	v := verifier{Memory: argonMemory, Passes: argonPasses, Lanes: argonLanes, Salt: make([]byte, argonSalt), Key: make([]byte, argonKey)}
	rand.Read(v.Salt)
	rand.Read(v.Key)
	return v
}

// matches costs the same for a right and a wrong password. Bounds keep a tampered row from eating the machine.
func (v verifier) matches(password string) bool {
	if v.Memory == 0 || v.Memory > 1<<20 || v.Passes == 0 || v.Passes > 16 || v.Lanes == 0 || len(v.Key) < 16 || len(v.Key) > 64 {
		return false
	}
	got := argon2.IDKey([]byte(password), v.Salt, v.Passes, v.Memory, v.Lanes, uint32(len(v.Key)))
	return subtle.ConstantTimeCompare(got, v.Key) == 1
}

func (v verifier) encode() []byte {
	b, err := json.Marshal(v)
	if err != nil { // numbers and bytes: cannot fail
		return nil
	}
	return b
}

// checkNewPassword: length in characters, no repetition of one character, not the name, not the old one (NIST SP 800-63B 5.1.1.2
// asks for length instead of composition rules).
func checkNewPassword(user, old, password string) error {
	switch {
	case !utf8.ValidString(password), len(password) > maxPassword:
		return fmt.Errorf("%w: not usable text", ErrWeakPassword)
	case utf8.RuneCountInString(password) < MinPassword:
		return fmt.Errorf("%w: shorter than %d characters", ErrWeakPassword, MinPassword)
	case password == old:
		return fmt.Errorf("%w: the old one again", ErrWeakPassword)
	case user != "" && strings.Contains(strings.ToLower(password), strings.ToLower(user)) && len(user) > 3:
		return fmt.Errorf("%w: holds the user name", ErrWeakPassword)
	case strings.Trim(password, password[:1]) == "":
		return fmt.Errorf("%w: one character only", ErrWeakPassword)
	}
	return nil
}

// oneTimePassword has 100 bits and no characters that are mistaken for each other.
func oneTimePassword() string { return symbols(4, 5) }

// Administrator is the user that Bootstrap makes.
const Administrator = "admin"

// Bootstrap makes the first administrator of a domain and returns a one-time password, which is kept nowhere in clear.
// It returns "" and changes nothing when the domain has a user already, so it may run at each start. Until the password was
// used, Store holds only its verifier: a lost one is replaced by NewOneTimePassword.
func Bootstrap(ctx context.Context, store provisioning.Store, domain string) (string, error) {
	password := oneTimePassword()
	made := false
	err := store.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		made = false
		users, err := provisioning.List[provisioning.User](w, domain, "", 1)
		if err != nil || len(users) > 0 {
			return err
		}
		u := provisioning.User{Name: Administrator, Display: "Administrator",
			Roles: []provisioning.Role{provisioning.RoleAdmin, provisioning.RoleListener, provisioning.RoleAuditor}}
		if _, err := w.Put(domain, u, "!"); err != nil {
			return err
		}
		made = true
		return w.PutSecret(domain, secretPassword, u.Name, newVerifier(password, true).encode())
	})
	if err != nil {
		return "", fmt.Errorf("identity: bootstrap %s: %w", domain, err)
	}
	if !made {
		return "", nil
	}
	return password, nil
}

// NewOneTimePassword replaces a user's password by a one-time one, ends the user's refresh tokens, and returns it: the only time
// that it is seen. provisioning.ErrNotFound when there is no such user, *provisioning.Denied where it is the sealed account's: SealAccount has that. by is who asked, for the audit log.
func NewOneTimePassword(ctx context.Context, store provisioning.Store, by provisioning.Subject, domain, user string) (string, error) {
	password := oneTimePassword()
	v := newVerifier(password, true).encode() // outside the transaction: it takes time
	err := store.Update(ctx, by, func(w provisioning.Writer) error {
		if _, _, err := provisioning.Get[provisioning.User](w, domain, user); err != nil {
			return err
		}
		if old, err := readVerifier(w, account{domain, user}); err == nil && old.Sealed {
			return &provisioning.Denied{Rule: "sealed-account"}
		}
		if err := w.PutSecret(domain, secretPassword, user, v); err != nil {
			return err
		}
		return dropGrants(w, domain, user)
	})
	if err != nil {
		return "", fmt.Errorf("identity: new password of %s: %w", user, err)
	}
	return password, nil
}

// setPassword stores a password that the person chose in the place of the one with that salt (else errNoRequest); every earlier refresh
// token ends.
func setPassword(ctx context.Context, store provisioning.Store, a account, salt, password string) error {
	v := newVerifier(password, false).encode()
	by := provisioning.Subject{Domain: a.domain, User: a.user}
	return store.Update(ctx, by, func(w provisioning.Writer) error {
		old, err := readVerifier(w, a)
		if errors.Is(err, provisioning.ErrNotFound) || err == nil && string(old.Salt) != salt {
			return errNoRequest
		}
		if err != nil {
			return err
		}
		if err := w.PutSecret(a.domain, secretPassword, a.user, v); err != nil {
			return err
		}
		return dropGrants(w, a.domain, a.user)
	})
}

func dropGrants(w provisioning.Writer, domain, user string) error {
	if _, err := provisioning.Secret(w, domain, secretGrants, user); errors.Is(err, provisioning.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return w.PutSecret(domain, secretGrants, user, nil)
}

// account names a user of the embedded service.
type account struct{ domain, user string }

// sub is the subject claim: stable as long as the user exists.
func (a account) sub() string { return a.user + "@" + a.domain }

func accountOf(sub string) (account, bool) {
	i := strings.LastIndexByte(sub, '@')
	if i < 1 || i == len(sub)-1 {
		return account{}, false
	}
	return account{domain: sub[i+1:], user: sub[:i]}, true
}

// readAccount reads what a sign-in needs: the user and the verifier. known is false when either is missing.
func readAccount(ctx context.Context, store provisioning.Store, a account) (u provisioning.User, v verifier, known bool, err error) {
	err = store.View(ctx, func(r provisioning.Reader) error {
		var err error
		if u, _, err = provisioning.Get[provisioning.User](r, a.domain, a.user); err != nil {
			return err
		}
		v, err = readVerifier(r, a)
		known = err == nil
		return err
	})
	if errors.Is(err, provisioning.ErrNotFound) {
		return provisioning.User{}, verifier{}, false, nil
	}
	return u, v, known, err
}

func readVerifier(r provisioning.Reader, a account) (v verifier, err error) {
	raw, err := provisioning.Secret(r, a.domain, secretPassword, a.user)
	if err != nil {
		return v, err
	}
	if json.Unmarshal(raw, &v) != nil {
		return v, errors.New("identity: password verifier is not readable")
	}
	return v, nil
}
