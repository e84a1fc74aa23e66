//go:build pkcs11

package hsm

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/pkcs11"

	"naisen/recorder"
	"naisen/recorder/seal"
)

// sealed is what a wrapped identity looks like in its file.
type sealed struct {
	Token      string `json:"token"`
	Key        string `json:"key"`
	IV         []byte `json:"iv"`
	Ciphertext []byte `json:"ciphertext"` // CKM_AES_GCM, tag of 128 bits, purpose as additional data
}

const (
	purpose = "naisen vault identity"
	ivSize  = 12
	tagBits = 128
)

// token does what it is asked on a goroutine of its own: a library may block for as long as it likes, and a session is for one user at a time.
type token struct {
	cfg  Config
	work chan func(*session)
}

// session is what the goroutine has open.
type session struct {
	ctx    *pkcs11.Ctx
	handle pkcs11.SessionHandle
	open   bool
	barred error // the PIN was refused once: a further try could lock the token
}

// Open loads the token's library. The token itself is asked when something is wrapped or unwrapped. The library stays loaded as long as the process.
func Open(cfg Config) (seal.Safe, error) {
	if cfg.Module == "" || cfg.Token == "" || cfg.Key == "" || cfg.PIN == nil {
		return nil, errors.New("hsm: module, token, key and pin are required")
	}
	if cfg.Wait <= 0 {
		cfg.Wait = 10 * time.Second
	}
	ctx := pkcs11.New(cfg.Module)
	if ctx == nil {
		return nil, fmt.Errorf("hsm: %s is no PKCS#11 library", cfg.Module)
	}
	if err := ctx.Initialize(); err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED)) {
		ctx.Destroy()
		return nil, fmt.Errorf("hsm: %s: %w", cfg.Module, err)
	}
	t := &token{cfg: cfg, work: make(chan func(*session))}
	go func() {
		s := &session{ctx: ctx}
		for f := range t.work {
			f(s)
		}
	}()
	return t, nil
}

// Kind implements seal.Safe.
func (*token) Kind() string { return "pkcs11" }

// Wrap implements seal.Safe.
func (t *token) Wrap(ctx context.Context, secret []byte) ([]byte, error) {
	return t.do(ctx, func(s *session) ([]byte, error) {
		key, err := s.key(t.cfg, true)
		if err != nil {
			return nil, err
		}
		iv := make([]byte, ivSize)
		rand.Read(iv)
		params := pkcs11.NewGCMParams(iv, []byte(purpose), tagBits)
		defer params.Free()
		if err := s.ctx.EncryptInit(s.handle, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_GCM, params)}, key); err != nil {
			return nil, err
		}
		text, err := s.ctx.Encrypt(s.handle, secret)
		if err != nil {
			return nil, err
		}
		out, err := json.Marshal(sealed{t.cfg.Token, t.cfg.Key, iv, text})
		return append(out, '\n'), err
	})
}

// Unwrap implements seal.Safe.
func (t *token) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	var w sealed
	if err := json.Unmarshal(wrapped, &w); err != nil || len(w.IV) != ivSize || len(w.Ciphertext) < tagBits/8 {
		return nil, fmt.Errorf("hsm: nothing that a token wrapped: %w", recorder.ErrIntegrity)
	}
	return t.do(ctx, func(s *session) ([]byte, error) {
		key, err := s.key(t.cfg, false)
		if err != nil {
			return nil, err
		}
		params := pkcs11.NewGCMParams(w.IV, []byte(purpose), tagBits)
		defer params.Free()
		if err := s.ctx.DecryptInit(s.handle, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_GCM, params)}, key); err != nil {
			return nil, err
		}
		return s.ctx.Decrypt(s.handle, w.Ciphertext)
	})
}

// do gives work to the token's goroutine and waits for it, not longer than agreed: what a stuck library does later nobody hears of.
func (t *token) do(ctx context.Context, f func(*session) ([]byte, error)) ([]byte, error) {
	type result struct {
		out []byte
		err error
	}
	done := make(chan result, 1)
	ctx, cancel := context.WithTimeout(ctx, t.cfg.Wait)
	defer cancel()
	job := func(s *session) {
		out, err := s.try(t.cfg, f)
		done <- result{out, err}
	}
	select {
	case t.work <- job:
	case <-ctx.Done():
		return nil, fmt.Errorf("hsm: the token is busy: %w: %w", seal.ErrUnavailable, ctx.Err())
	}
	select {
	case r := <-done:
		return r.out, meaning(r.err)
	case <-ctx.Done():
		return nil, fmt.Errorf("hsm: the token does not answer: %w: %w", seal.ErrUnavailable, ctx.Err())
	}
}

// try opens a session if there is none, and a new one once where the old one is dead: tokens are pulled and HSMs are restarted.
func (s *session) try(cfg Config, f func(*session) ([]byte, error)) ([]byte, error) {
	fresh := !s.open
	if err := s.login(cfg); err != nil {
		return nil, err
	}
	out, err := f(s)
	if err != nil && !fresh && dead(err) {
		s.close()
		if err := s.login(cfg); err != nil {
			return nil, err
		}
		out, err = f(s)
	}
	if err != nil && dead(err) {
		s.close()
	}
	return out, err
}

func (s *session) close() {
	_ = s.ctx.CloseSession(s.handle) // it is dead
	s.open = false
}

func (s *session) login(cfg Config) error {
	if s.barred != nil {
		return s.barred
	}
	if s.open {
		return nil
	}
	slot, err := s.slot(cfg.Token)
	if err != nil {
		return err
	}
	handle, err := s.ctx.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		return err
	}
	pin, err := cfg.PIN()
	if err == nil {
		err = s.ctx.Login(handle, pkcs11.CKU_USER, pin)
		if errors.Is(err, pkcs11.Error(pkcs11.CKR_USER_ALREADY_LOGGED_IN)) {
			err = nil
		}
		if refusedPIN(err) {
			s.barred = fmt.Errorf("hsm: the token refuses the PIN, which is not tried again before a restart: %w", seal.ErrRefused)
			err = s.barred
		}
	}
	if err != nil {
		return errors.Join(err, s.ctx.CloseSession(handle))
	}
	s.handle, s.open = handle, true
	return nil
}

func (s *session) slot(label string) (uint, error) {
	slots, err := s.ctx.GetSlotList(true)
	if err != nil {
		return 0, err
	}
	for _, slot := range slots {
		if info, err := s.ctx.GetTokenInfo(slot); err == nil && info.Label == label {
			return slot, nil
		}
	}
	return 0, fmt.Errorf("hsm: there is no token with the label %q: %w", label, seal.ErrUnavailable)
}

// key finds the AES key with the label, or makes it.
func (s *session) key(cfg Config, create bool) (pkcs11.ObjectHandle, error) {
	template := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, cfg.Key)}
	if err := s.ctx.FindObjectsInit(s.handle, template); err != nil {
		return 0, err
	}
	found, _, err := s.ctx.FindObjects(s.handle, 2)
	if err := errors.Join(err, s.ctx.FindObjectsFinal(s.handle)); err != nil {
		return 0, err
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return 0, fmt.Errorf("hsm: there are several keys with the label %q: %w", cfg.Key, seal.ErrRefused)
	case !create:
		return 0, fmt.Errorf("hsm: there is no key with the label %q: %w", cfg.Key, seal.ErrRefused)
	}
	yes, no := true, false
	return s.ctx.GenerateKey(s.handle, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_GEN, nil)}, append(template,
		pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, yes), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, yes),
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, yes), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, no),
		pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, yes), pkcs11.NewAttribute(pkcs11.CKA_DECRYPT, yes)))
}

func one(err error, codes ...uint) bool {
	var e pkcs11.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if uint(e) == c {
			return true
		}
	}
	return false
}

func refusedPIN(err error) bool {
	return one(err, pkcs11.CKR_PIN_INCORRECT, pkcs11.CKR_PIN_LOCKED, pkcs11.CKR_PIN_EXPIRED, pkcs11.CKR_PIN_INVALID, pkcs11.CKR_PIN_LEN_RANGE)
}

func dead(err error) bool {
	return one(err, pkcs11.CKR_SESSION_HANDLE_INVALID, pkcs11.CKR_SESSION_CLOSED, pkcs11.CKR_DEVICE_REMOVED, pkcs11.CKR_DEVICE_ERROR,
		pkcs11.CKR_TOKEN_NOT_PRESENT, pkcs11.CKR_USER_NOT_LOGGED_IN, pkcs11.CKR_GENERAL_ERROR)
}

// meaning is an error of the token in the words of seal.Safe.
func meaning(err error) error {
	switch {
	case err == nil, errors.Is(err, seal.ErrRefused), errors.Is(err, seal.ErrUnavailable):
		return err
	case one(err, pkcs11.CKR_ENCRYPTED_DATA_INVALID, pkcs11.CKR_ENCRYPTED_DATA_LEN_RANGE, pkcs11.CKR_SIGNATURE_INVALID):
		return fmt.Errorf("hsm: %w: %w", recorder.ErrIntegrity, err)
	case one(err, pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED, pkcs11.CKR_KEY_HANDLE_INVALID, pkcs11.CKR_KEY_TYPE_INCONSISTENT, pkcs11.CKR_MECHANISM_INVALID):
		return fmt.Errorf("hsm: %w: %w", seal.ErrRefused, err)
	}
	return fmt.Errorf("hsm: %w: %w", seal.ErrUnavailable, err)
}
