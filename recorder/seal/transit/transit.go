// Package transit keeps the vault's key behind the transit engine of OpenBao or HashiCorp Vault: a seal.Safe whose key never leaves that service.
// It speaks the two operations that it needs over plain HTTPS, and never makes, changes or deletes a key there.
package transit

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"naisen/recorder"
	"naisen/recorder/seal"
)

// Config of a Safe. URL, Key and Token are required.
type Config struct {
	URL       string // https://bao.example.jp:8200
	Mount     string // of the engine; "transit"
	Key       string // aes256-gcm96 or chacha20-poly1305
	Namespace string // X-Vault-Namespace; empty: none
	CA        []byte // PEM; nil: the system's
	// Token is asked for each request: an agent may renew it in its file.
	Token func() (string, error)

	Try   time.Duration // of one request; default 3 s
	All   time.Duration // of all tries; default 10 s
	Pause time.Duration // after the first failure, doubled after each; default 250 ms
}

// Safe is a key of the service. Safe for concurrent use.
type Safe struct {
	cfg    Config
	client *http.Client
}

var _ seal.Safe = (*Safe)(nil)

const (
	tries     = 3
	maxAnswer = 64 << 10 // bytes
)

// purpose is bound into what is wrapped (associated_data), so that another user of the same key cannot pass its own off as ours.
const purpose = "naisen vault identity"

// New makes a Safe. Nothing is asked yet.
func New(cfg Config) (*Safe, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
		return nil, errors.New("transit: url is https, or http on this machine")
	}
	if cfg.Mount == "" {
		cfg.Mount = "transit"
	}
	if cfg.Key == "" || cfg.Token == nil || strings.Contains(cfg.Key, "/") {
		return nil, errors.New("transit: key and token are required")
	}
	if cfg.Try <= 0 {
		cfg.Try = 3 * time.Second
	}
	if cfg.All <= 0 {
		cfg.All = 10 * time.Second
	}
	if cfg.Pause <= 0 {
		cfg.Pause = 250 * time.Millisecond
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.CA != nil {
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(cfg.CA) {
			return nil, errors.New("transit: ca holds no certificate")
		}
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trust, Proxy: nil, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }} // the token goes where the configuration says
	return &Safe{cfg, client}, nil
}

func loopback(host string) bool { return host == "127.0.0.1" || host == "::1" || host == "localhost" }

// Kind implements seal.Safe.
func (*Safe) Kind() string { return "transit" }

// Wrap implements seal.Safe.
func (s *Safe) Wrap(ctx context.Context, secret []byte) ([]byte, error) {
	var out struct {
		Ciphertext string `json:"ciphertext"`
	}
	err := s.ask(ctx, "encrypt", map[string]string{"plaintext": encode(secret), "associated_data": encode([]byte(purpose))}, &out)
	if err == nil && !strings.HasPrefix(out.Ciphertext, "vault:v") {
		err = fmt.Errorf("transit: encrypt: the answer holds no ciphertext: %w", seal.ErrUnavailable)
	}
	if err != nil {
		return nil, err
	}
	return []byte(out.Ciphertext + "\n"), nil
}

// Unwrap implements seal.Safe.
func (s *Safe) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	text := strings.TrimSpace(string(wrapped))
	if !strings.HasPrefix(text, "vault:v") {
		return nil, fmt.Errorf("transit: no ciphertext of a transit engine: %w", recorder.ErrIntegrity)
	}
	var out struct {
		Plaintext string `json:"plaintext"`
	}
	if err := s.ask(ctx, "decrypt", map[string]string{"ciphertext": text, "associated_data": encode([]byte(purpose))}, &out); err != nil {
		return nil, err
	}
	secret, err := base64.StdEncoding.DecodeString(out.Plaintext)
	if err != nil || len(secret) == 0 {
		return nil, fmt.Errorf("transit: decrypt: the answer holds no plaintext: %w", seal.ErrUnavailable)
	}
	return secret, nil
}

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// ask tries an operation some times. What is refused is not asked again.
func (s *Safe) ask(ctx context.Context, operation string, body map[string]string, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.All)
	defer cancel()
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	wait := s.cfg.Pause
	for n := 1; ; n++ {
		err := s.once(ctx, operation, text, answer)
		if err == nil || !errors.Is(err, seal.ErrUnavailable) || n == tries {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		wait *= 2
	}
}

func (s *Safe) once(ctx context.Context, operation string, body []byte, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Try)
	defer cancel()
	token, err := s.cfg.Token()
	if err != nil {
		return fmt.Errorf("transit: token: %w: %w", seal.ErrUnavailable, err)
	}
	where := strings.TrimSuffix(s.cfg.URL, "/") + "/v1/" + strings.Trim(s.cfg.Mount, "/") + "/" + operation + "/" + url.PathEscape(s.cfg.Key)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, where, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("transit: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Vault-Token", token)
	req.Header.Set("X-Vault-Request", "true") // an agent in front may want it
	if s.cfg.Namespace != "" {
		req.Header.Set("X-Vault-Namespace", s.cfg.Namespace)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("transit: %s: %w: %w", operation, seal.ErrUnavailable, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("transit: %s: %w: %w", operation, seal.ErrUnavailable, err)
	}
	if resp.StatusCode != http.StatusOK {
		return refusal(operation, resp.StatusCode, text)
	}
	wrapped := struct {
		Data any `json:"data"`
	}{answer}
	if err := json.Unmarshal(text, &wrapped); err != nil { // never its text: it may hold the secret
		return fmt.Errorf("transit: %s: the answer is no JSON: %w", operation, seal.ErrUnavailable)
	}
	return nil
}

// refusal tells what an error of the API means. 400, 403 and 404 are about this key, this token or this mount, and stay so until a person changes
// something there; everything else is the service's own trouble: 429 (too many requests), 473 and 472 (standby), 500, 502, 503 (sealed).
func refusal(operation string, status int, text []byte) error {
	kind := seal.ErrUnavailable
	switch status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		kind = seal.ErrRefused
	}
	var body struct {
		Errors []string `json:"errors"`
	}
	said := ""
	if json.Unmarshal(text, &body) == nil && len(body.Errors) > 0 {
		said = ": " + fmt.Sprintf("%.200q", body.Errors[0])
	}
	return fmt.Errorf("transit: %s: status %d%s: %w", operation, status, said, kind)
}
