package transit

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/seal"
)

// bao does what the API documentation of the transit engine says of encrypt and decrypt, and refuses whatever it does not say: another method, path,
// header, field or encoding. It knows nothing of the client.
type bao struct {
	t     *testing.T
	mu    sync.Mutex
	token string
	name  string
	keys  []cipher.AEAD // by version, from 1
	least int           // min_decryption_version
	fail  []int         // answers to the next requests; 0: none at all, until the client gives up
	asked int
	seen  []string
}

func newBao(t *testing.T) (*bao, *httptest.Server) {
	b := &bao{t: t, token: "s.good", name: "naisen", least: 1}
	b.rotate()
	s := httptest.NewTLSServer(b)
	t.Cleanup(s.Close)
	return b, s
}

func (b *bao) set(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *bao) rotate() {
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		b.t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		b.t.Fatal(err)
	}
	b.keys = append(b.keys, aead)
}

func (b *bao) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	if len(b.fail) > 0 {
		status := b.fail[0]
		b.fail = b.fail[1:]
		if status == 0 {
			io.Copy(io.Discard, r.Body) // or the server does not notice that the client goes
			b.mu.Unlock()
			<-r.Context().Done()
			b.mu.Lock()
			return
		}
		if status == http.StatusTemporaryRedirect {
			w.Header().Set("Location", "https://192.0.2.1/v1/transit/decrypt/naisen")
		}
		b.refuse(w, status, "Vault is sealed")
		return
	}
	if r.Header.Get("X-Vault-Token") != b.token {
		b.refuse(w, 403, "permission denied")
		return
	}
	body := map[string]string{}
	d := json.NewDecoder(r.Body)
	if err := d.Decode(&body); err != nil || r.Method != "POST" || r.Header.Get("X-Vault-Request") != "true" {
		b.refuse(w, 405, "unsupported operation")
		return
	}
	switch r.URL.Path {
	case "/v1/transit/encrypt/" + b.name:
		b.encrypt(w, body)
	case "/v1/transit/decrypt/" + b.name:
		b.decrypt(w, body)
	default:
		b.refuse(w, 400, "encryption key not found")
	}
}

func (b *bao) refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"errors": []string{text}})
}

// field takes a base64 field out of the body.
func field(body map[string]string, name string) ([]byte, bool) {
	raw, err := base64.StdEncoding.Strict().DecodeString(body[name])
	_, there := body[name]
	delete(body, name)
	return raw, err == nil && there
}

func (b *bao) encrypt(w http.ResponseWriter, body map[string]string) {
	plain, ok1 := field(body, "plaintext")
	bound, ok2 := field(body, "associated_data")
	if !ok1 || !ok2 || len(body) > 0 {
		b.refuse(w, 400, "failed to base64-decode plaintext")
		return
	}
	b.seen = append(b.seen, string(plain))
	aead := b.keys[len(b.keys)-1]
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	text := fmt.Sprintf("vault:v%d:%s", len(b.keys), base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, plain, bound)))
	json.NewEncoder(w).Encode(map[string]any{"request_id": "x", "lease_id": "", "data": map[string]any{"ciphertext": text, "key_version": len(b.keys)}})
}

func (b *bao) decrypt(w http.ResponseWriter, body map[string]string) {
	bound, ok := field(body, "associated_data")
	parts := strings.SplitN(body["ciphertext"], ":", 3)
	delete(body, "ciphertext")
	if !ok || len(parts) != 3 || parts[0] != "vault" || len(body) > 0 {
		b.refuse(w, 400, "invalid ciphertext: no prefix")
		return
	}
	version, err := strconv.Atoi(strings.TrimPrefix(parts[1], "v"))
	if err != nil || version < b.least || version > len(b.keys) {
		b.refuse(w, 400, "ciphertext or signature version is disallowed by policy (too old)")
		return
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	aead := b.keys[version-1]
	if err != nil || len(raw) < aead.NonceSize() {
		b.refuse(w, 400, "invalid ciphertext: could not decode base64")
		return
	}
	plain, err := aead.Open(nil, raw[:aead.NonceSize()], raw[aead.NonceSize():], bound)
	if err != nil {
		b.refuse(w, 400, "cipher: message authentication failed")
		return
	}
	json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"plaintext": base64.StdEncoding.EncodeToString(plain)}})
}

func safe(t *testing.T, s *httptest.Server, change func(*Config)) *Safe {
	t.Helper()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	cfg := Config{URL: s.URL, Key: "naisen", CA: ca, Token: func() (string, error) { return "s.good", nil }, Try: 5 * time.Second, All: 30 * time.Second,
		Pause: time.Millisecond}
	if change != nil {
		change(&cfg)
	}
	out, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The contract with the service: what it gives, what it refuses, what passes by itself.
func TestContract(t *testing.T) {
	b, server := newBao(t)
	s := safe(t, server, nil)
	secret := []byte("AGE-SECRET-KEY-PQ-1EXAMPLE\n")
	wrapped, err := s.Wrap(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := s.Unwrap(t.Context(), wrapped); err != nil || string(back) != string(secret) {
		t.Fatalf("%q %v", back, err)
	}
	b.set(b.rotate)
	if back, err := s.Unwrap(t.Context(), wrapped); err != nil || string(back) != string(secret) {
		t.Errorf("after the service rotated its key: %v", err)
	}
	for name, c := range map[string]struct {
		change func()
		token  string
		want   error
	}{
		"sealed, then open":   {func() { b.fail = []int{503} }, "", nil},
		"twice an error":      {func() { b.fail = []int{500, 502} }, "", nil},
		"too many requests":   {func() { b.fail = []int{429} }, "", nil},
		"sealed":              {func() { b.fail = []int{503, 503, 503} }, "", seal.ErrUnavailable},
		"standby that sends":  {func() { b.fail = []int{307, 307, 307} }, "", seal.ErrUnavailable},
		"token is not good":   {nil, "s.bad", seal.ErrRefused},
		"key is disabled":     {func() { b.least = 2 }, "", seal.ErrRefused},
		"key is gone":         {func() { b.name = "other" }, "", seal.ErrRefused},
		"engine is not there": {func() { b.fail = []int{404} }, "", seal.ErrRefused},
	} {
		b.set(func() { b.least, b.name, b.fail = 1, "naisen", nil })
		if c.change != nil {
			b.set(c.change)
		}
		s := s
		if c.token != "" {
			s = safe(t, server, func(cfg *Config) { cfg.Token = func() (string, error) { return c.token, nil } })
		}
		back, err := s.Unwrap(t.Context(), wrapped)
		if !errors.Is(err, c.want) || err == nil && string(back) != string(secret) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "AGE-SECRET") {
			t.Errorf("%s: the secret is in the error", name)
		}
	}
	b.set(func() { b.least, b.name, b.fail, b.asked = 1, "naisen", nil, 0 })
	if _, err := s.Unwrap(t.Context(), []byte("age-encryption.org/v1\n")); !errors.Is(err, recorder.ErrIntegrity) || b.asked != 0 {
		t.Errorf("another safe's: %v, asked %d times", err, b.asked)
	}
	if _, err := s.Unwrap(t.Context(), append([]byte("vault:v1:AAAA"), wrapped...)); !errors.Is(err, seal.ErrRefused) {
		t.Errorf("altered: %v", err)
	}
}

// A service that takes the request and says nothing costs the patience that was agreed, not more; the next one is asked anew.
func TestSilence(t *testing.T) {
	b, server := newBao(t)
	s := safe(t, server, func(cfg *Config) { cfg.Try, cfg.All = 50*time.Millisecond, 120*time.Millisecond })
	b.set(func() { b.fail = []int{0, 0, 0} })
	if _, err := s.Wrap(t.Context(), []byte("x")); !errors.Is(err, seal.ErrUnavailable) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Wrap(ctx, []byte("x")); !errors.Is(err, seal.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	server.Close()
	if _, err := s.Wrap(t.Context(), []byte("x")); !errors.Is(err, seal.ErrUnavailable) {
		t.Errorf("nobody there: %v", err)
	}
}

func TestConfig(t *testing.T) {
	token := func() (string, error) { return "x", nil }
	for _, c := range []Config{
		{URL: "http://bao.example.jp:8200", Key: "k", Token: token}, {URL: "https://", Key: "k", Token: token}, {URL: "https://bao.example.jp", Token: token},
		{URL: "https://bao.example.jp", Key: "k"}, {URL: "https://bao.example.jp", Key: "../keys/k", Token: token},
		{URL: "https://bao.example.jp", Key: "k", Token: token, CA: []byte("nothing")},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was taken", c.URL)
		}
	}
	if _, err := New(Config{URL: "http://127.0.0.1:8200", Key: "k", Token: token}); err != nil {
		t.Error(err)
	}
	s, err := New(Config{URL: "http://127.0.0.1:1", Key: "k", Token: func() (string, error) { return "", errors.New("no file") }, All: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Wrap(t.Context(), []byte("x")); !errors.Is(err, seal.ErrUnavailable) {
		t.Errorf("without a token: %v", err)
	}
}
