package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"naisen/provisioning"
)

const (
	secretFactors = "user/factors" // deleted with the user
	recoveryCodes = 10
	maxPasskeys   = 10
)

// factors are a person's second factors. The store keeps them as one sealed secret: none of it can be used by who reads the database.
type factors struct {
	TOTP     *totpFactor `json:"totp,omitempty"`
	Passkeys []passkey   `json:"passkeys,omitempty"`
	Recovery [][]byte    `json:"recovery,omitempty"` // SHA-256 of those that were not used; each has 80 bits, so a slow hash gives nothing
}

func (factors) String() string   { return "[redacted]" }
func (factors) GoString() string { return "[redacted]" }

// any says that a password alone is not enough. Recovery codes stand for another factor and are none by themselves.
func (f factors) any() bool { return f.TOTP != nil || len(f.Passkeys) > 0 }

// reaches says that they can prove who signs in to that level.
func (f factors) reaches(l level) bool {
	switch l {
	case levelPasskey:
		return len(f.Passkeys) > 0
	case levelTwo:
		return f.any()
	}
	return true
}

func readFactors(r provisioning.Reader, who account) (f factors, err error) {
	raw, err := provisioning.Secret(r, who.domain, secretFactors, who.user)
	if errors.Is(err, provisioning.ErrNotFound) {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	if json.Unmarshal(raw, &f) != nil { // never taken for "none"
		return f, errors.New("identity: second factors are not readable")
	}
	return f, nil
}

func (s *Service) factorsOf(ctx context.Context, who account) (f factors, err error) {
	err = s.cfg.Store.View(ctx, func(r provisioning.Reader) error {
		f, err = readFactors(r, who)
		return err
	})
	return f, err
}

// changeFactors reads, changes and writes in one transaction; an error of change changes nothing. more, if any, is done in the same one.
func (s *Service) changeFactors(ctx context.Context, by provisioning.Subject, who account, change func(*factors) error,
	more ...func(provisioning.Writer) error) error {
	return s.cfg.Store.Update(ctx, by, func(w provisioning.Writer) error {
		if _, _, err := provisioning.Get[provisioning.User](w, who.domain, who.user); err != nil {
			return err
		}
		f, err := readFactors(w, who)
		if err != nil {
			return err
		}
		if err := change(&f); err != nil {
			return err
		}
		if !f.any() { // without another factor they would be the only one
			f.Recovery = nil
		}
		if err := writeFactors(w, who, f); err != nil {
			return err
		}
		for _, do := range more {
			if err := do(w); err != nil {
				return err
			}
		}
		return nil
	})
}

func writeFactors(w provisioning.Writer, who account, f factors) error {
	if !f.any() {
		err := w.PutSecret(who.domain, secretFactors, who.user, nil)
		if errors.Is(err, provisioning.ErrNotFound) {
			return nil
		}
		return err
	}
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return w.PutSecret(who.domain, secretFactors, who.user, b)
}

// errWrongFactor says that a code or a passkey's answer is not right, or was used before.
var errWrongFactor = errors.New("identity: second factor is wrong")

// useCode takes a code of the app, or a recovery code, once.
func (f *factors) useCode(code string, now time.Time) error {
	code = strings.Map(func(c rune) rune {
		if c == ' ' || c == '-' {
			return -1
		}
		return c
	}, strings.ToLower(code))
	if len(code) == totpDigits {
		if f.TOTP == nil || !f.TOTP.use(code, now) {
			return errWrongFactor
		}
		return nil
	}
	h, found := sha256.Sum256([]byte(code)), -1
	for i, known := range f.Recovery {
		if subtle.ConstantTimeCompare(h[:], known) == 1 {
			found = i
		}
	}
	if found < 0 {
		return errWrongFactor
	}
	f.Recovery = slices.Delete(f.Recovery, found, found+1)
	return nil
}

// renewRecovery makes ten new codes in the place of those that are left. They are shown once.
func (f *factors) renewRecovery() (shown []string) {
	f.Recovery = nil
	for range recoveryCodes {
		code := symbols(4, 4)
		h := sha256.Sum256([]byte(strings.ReplaceAll(code, "-", "")))
		f.Recovery, shown = append(f.Recovery, h[:]), append(shown, code)
	}
	return shown
}

// symbols are groups of characters that are not mistaken for each other, of 5 bits each.
func symbols(groups, size int) string {
	const set = "abcdefghjkmnpqrstuvwxyz23456789x" // 32 symbols, so that a byte's low five bits choose evenly
	b := make([]byte, groups*size)
	rand.Read(b)
	var out strings.Builder
	for i, c := range b {
		if i > 0 && i%size == 0 {
			out.WriteByte('-')
		}
		out.WriteByte(set[c&31])
	}
	return out.String()
}

// Factors are a person's second factors, without anything that one could sign in with. provisioning.ErrNotFound: there is no such user.
func (s *Service) Factors(ctx context.Context, domain, user string) (out provisioning.SecondFactors, err error) {
	err = s.cfg.Store.View(ctx, func(r provisioning.Reader) error {
		if _, _, err := provisioning.Get[provisioning.User](r, domain, user); err != nil {
			return err
		}
		f, err := readFactors(r, account{domain, user})
		if err != nil {
			return err
		}
		out.RecoveryCodes, out.Passkeys = len(f.Recovery), []provisioning.Passkey{}
		if f.TOTP != nil {
			out.App = f.TOTP.Added.UTC()
		}
		for _, k := range f.Passkeys {
			out.Passkeys = append(out.Passkeys, k.shown())
		}
		return nil
	})
	return out, err
}

// ResetFactors takes all second factors away from who has lost them, and ends what they are signed in with. by is who asked, for the audit log.
// provisioning.ErrNotFound: there is no such user.
func (s *Service) ResetFactors(ctx context.Context, by provisioning.Subject, domain, user string) error {
	who := account{domain, user}
	err := s.cfg.Store.Update(ctx, by, func(w provisioning.Writer) error {
		if _, _, err := provisioning.Get[provisioning.User](w, domain, user); err != nil {
			return err
		}
		if err := writeFactors(w, who, factors{}); err != nil { // also of those that cannot be read
			return err
		}
		if err := dropGrants(w, domain, user); err != nil {
			return err
		}
		if err := s.revoke(w, who, "credential-change"); err != nil {
			return err
		}
		return w.AddAudit(endEntry(who, "factor.reset", nil))
	})
	if err == nil {
		s.dropLive(who)
	}
	return err
}

// dropLive ends what is not in the store.
func (s *Service) dropLive(who account) int {
	return s.requests.drop(who) + s.devices.drop(who) + s.sessions.drop(who)
}
