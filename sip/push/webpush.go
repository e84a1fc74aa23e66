package push

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// WebPushConfig is the push service of browsers, by VAPID.
type WebPushConfig struct {
	Key       []byte            // P-256 private key in PEM, ours: never logged
	Contact   string            // "mailto:" or "https:" address of who runs this switch, for the services (RFC 8292 section 2.1)
	Hosts     []string          // that may be sent to: a name, or "*.name" for all below it; nil: those of the known browsers
	Transport http.RoundTripper // nil: NewTransport of http.DefaultTransport
	Clock     func() time.Time  // nil: time.Now
}

// String hides the key.
func (WebPushConfig) String() string { return "WebPushConfig[redacted]" }

// GoString is String.
func (c WebPushConfig) GoString() string { return c.String() }

// webPush speaks to the push services of browsers (RFC 8030). pn-prid is the subscription's address (RFC 8599 section 14), which a client
// chooses: only known services are sent to, never an address of somebody's own network. pn-param may hold the subscription's
// p256dh and auth, in base64url with a period between; then the message has an encrypted body (RFC 8291), else it has none, and the app learns that
// there is something, as RFC 8599 means it.
type webPush struct {
	cfg    WebPushConfig
	key    *ecdsa.PrivateKey
	public string // of key, uncompressed, base64url
	http   *http.Client

	mu     sync.Mutex
	passes map[string]*pass // by the service's origin, at most maxOrigins
}

const (
	vapidLife  = 12 * time.Hour // RFC 8292 section 2: no more than 24 hours
	vapidYoung = 10 * time.Minute
	maxOrigins = 64
	recordSize = 4096
)

// browsers are the services of the known browsers.
var browsers = []string{"fcm.googleapis.com", "updates.push.services.mozilla.com", "*.notify.windows.com", "web.push.apple.com"}

// NewWebPush makes the provider "webpush".
func NewWebPush(cfg WebPushConfig) (Provider, error) {
	key, err := parseP256(cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("webpush: key: %w", err)
	}
	cfg.Key = nil
	if !strings.HasPrefix(cfg.Contact, "mailto:") && !strings.HasPrefix(cfg.Contact, "https:") {
		return nil, fmt.Errorf("webpush: contact is no mailto: or https: address: %w", ErrKey)
	}
	public, err := key.PublicKey.ECDH()
	if err != nil {
		return nil, fmt.Errorf("webpush: key: %w", ErrKey)
	}
	if cfg.Hosts == nil {
		cfg.Hosts = browsers
	}
	cfg.Transport, cfg.Clock = defaults(cfg.Transport, cfg.Clock)
	return &webPush{cfg: cfg, key: key, public: b64(public.Bytes()), http: client(cfg.Transport), passes: make(map[string]*pass)}, nil
}

// Name implements Provider.
func (w *webPush) Name() string { return "webpush" }

// Features implements Provider (RFC 8599 section 9.2: the key that a subscription is bound to).
func (w *webPush) Features() string { return `+sip.pns="webpush";+sip.vapid="` + w.public + `"` }

// Takes implements Provider.
func (w *webPush) Takes(d Device) error {
	if _, err := w.endpoint(d); err != nil {
		return err
	}
	if d.Param == "" {
		return nil
	}
	_, _, err := subscriber(d.Param)
	return err
}

// endpoint reads the subscription's address.
func (w *webPush) endpoint(d Device) (*url.URL, error) {
	u, err := url.Parse(d.PRID)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Fragment != "" || u.Hostname() == "" || len(u.Path) < 2 {
		return nil, ErrDevice
	}
	host := strings.ToLower(u.Host) // with the port: a known service has no other
	known := slices.ContainsFunc(w.cfg.Hosts, func(h string) bool {
		below, any := strings.CutPrefix(h, "*.")
		return h == host || any && strings.HasSuffix(host, "."+below)
	})
	if !known {
		return nil, ErrDevice
	}
	return u, nil
}

// Peer implements Provider: each browser's maker has hosts of its own.
func (w *webPush) Peer(d Device) string {
	u, err := w.endpoint(d)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

// subscriber reads the keys of a subscription (RFC 8291 section 3.1 and 3.2).
func subscriber(param string) (*ecdh.PublicKey, []byte, error) {
	p, a, ok := strings.Cut(param, ".")
	if !ok {
		return nil, nil, ErrDevice
	}
	raw, err := base64.RawURLEncoding.DecodeString(p)
	if err != nil {
		return nil, nil, ErrDevice
	}
	public, err := ecdh.P256().NewPublicKey(raw)
	if err != nil {
		return nil, nil, ErrDevice
	}
	auth, err := base64.RawURLEncoding.DecodeString(a)
	if err != nil || len(auth) != 16 {
		return nil, nil, ErrDevice
	}
	return public, auth, nil
}

// Wakes implements Provider. A browser shows something to its user for each message.
func (w *webPush) Wakes(_ Device, why Occasion) bool { return why == ForCall }

// Send implements Provider.
func (w *webPush) Send(ctx context.Context, m Message) error {
	u, err := w.endpoint(m.Device)
	if err != nil {
		return ErrRejected
	}
	body, err := w.body(m)
	if err != nil {
		return err
	}
	p := w.pass("https://" + strings.ToLower(u.Host))
	for again := false; ; again = true {
		token, err := p.get(w.cfg.Clock(), func() (string, time.Time, error) { return w.renew("https://" + strings.ToLower(u.Host)) })
		if err != nil {
			return err
		}
		status, err := w.post(ctx, m, u, token, body)
		if err != nil {
			return err
		}
		denied := status == http.StatusUnauthorized || status == http.StatusForbidden
		if denied && !again && p.spoil(token, w.cfg.Clock(), vapidYoung) {
			continue
		}
		return webVerdict(status)
	}
}

// pass gives the place for the token of one service.
func (w *webPush) pass(origin string) *pass {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.passes[origin]
	if p == nil {
		if len(w.passes) >= maxOrigins { // a pattern may allow any number of them
			clear(w.passes)
		}
		p = &pass{}
		w.passes[origin] = p
	}
	return p
}

// renew makes a VAPID token for one service (RFC 8292 section 2).
func (w *webPush) renew(origin string) (string, time.Time, error) {
	until := w.cfg.Clock().Add(vapidLife)
	text, err := sign(w.key, map[string]any{"typ": "JWT"}, map[string]any{"aud": origin, "exp": until.Unix(), "sub": w.cfg.Contact})
	return text, until.Add(-tokenMargin), err
}

// body is what the app is told, encrypted for it; nil where its keys are not known.
func (w *webPush) body(m Message) ([]byte, error) {
	if m.Device.Param == "" {
		return nil, nil
	}
	public, auth, err := subscriber(m.Device.Param)
	if err != nil {
		return nil, ErrRejected
	}
	plain, err := json.Marshal(map[string]string{"pn": m.Why.String(), "id": m.ID})
	if err != nil {
		return nil, ErrDevice
	}
	own, err := ecdh.P256().GenerateKey(rand.Reader) // a new one for each message (RFC 8291 section 3.1)
	if err != nil {
		return nil, ErrUnavailable
	}
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return nil, ErrUnavailable
	}
	return encrypt(plain, public, auth, own, salt)
}

// encrypt makes the single record of a push message: aes128gcm (RFC 8188) with the keys of RFC 8291 section 3.4.
func encrypt(plain []byte, to *ecdh.PublicKey, auth []byte, own *ecdh.PrivateKey, salt []byte) ([]byte, error) {
	shared, err := own.ECDH(to)
	if err != nil {
		return nil, ErrDevice
	}
	info := "WebPush: info\x00" + string(to.Bytes()) + string(own.PublicKey().Bytes())
	ikm, err := hkdf.Key(sha256.New, shared, auth, info, 32)
	if err != nil {
		return nil, ErrDevice
	}
	key, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, ErrDevice
	}
	nonce, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, ErrDevice
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, ErrDevice
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, ErrDevice
	}
	out := slices.Clone(salt)
	out = binary.BigEndian.AppendUint32(out, recordSize)
	id := own.PublicKey().Bytes()
	out = append(append(out, byte(len(id))), id...)
	return gcm.Seal(out, nonce, append(slices.Clone(plain), 2), nil), nil // 2: the last record (RFC 8188 section 2)
}

func (w *webPush) post(ctx context.Context, m Message, u *url.URL, token string, body []byte) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return 0, ErrDevice
	}
	req.Header.Set("Authorization", "vapid t="+token+", k="+w.public) // RFC 8292 section 3
	req.Header.Set("TTL", strconv.Itoa(ttl(m, w.cfg.Clock())))        // RFC 8030 section 5.2
	req.Header.Set("Urgency", "high")                                 // section 5.3
	if len(body) > 0 {
		req.Header.Set("Content-Encoding", "aes128gcm")
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	resp, err := w.http.Do(req)
	if err != nil {
		return 0, outage(ctx)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // so that the connection can be used again
	return resp.StatusCode, nil
}

// webVerdict reads a service's answer (RFC 8030 sections 5 and 7.3, RFC 8292 section 4.2).
func webVerdict(status int) error {
	switch {
	case status == http.StatusCreated, status == http.StatusAccepted, status == http.StatusOK:
		return nil
	case status == http.StatusNotFound, status == http.StatusGone:
		return ErrGone
	case status == http.StatusTooManyRequests:
		return ErrBusy
	case status >= 500:
		return ErrUnavailable
	}
	return rejected(status, "")
}
