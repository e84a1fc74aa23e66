package pushtest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// WebPush is the service of a browser's maker, and the browsers.
type WebPush struct {
	Service
	Key []byte // PEM of the application server's key

	subs map[string]*subscription // by path
	n    int
}

// subscription is one browser's: who may send to it, and its keys.
type subscription struct {
	vapid string // public key that it is restricted to (RFC 8292 section 4)
	key   *ecdh.PrivateKey
	auth  []byte
}

// NewWebPush starts it.
func NewWebPush(t testing.TB) *WebPush {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &WebPush{Key: pemOf(t, key), subs: make(map[string]*subscription)}
	p.start(t, http.HandlerFunc(p.serve))
	return p
}

// Subscribe makes a browser's subscription for who has the VAPID key: its address (pn-prid) and its keys (our pn-param).
func (p *WebPush) Subscribe(t testing.TB, vapid string) (prid, param string) {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	auth := make([]byte, 16)
	_, _ = rand.Read(auth)
	p.mu.Lock()
	p.n++
	path := "/push/" + strconv.Itoa(p.n)
	p.subs[path] = &subscription{vapid, key, auth}
	p.mu.Unlock()
	p.Register(p.URL + path)
	enc := base64.RawURLEncoding
	return p.URL + path, enc.EncodeToString(key.PublicKey().Bytes()) + "." + enc.EncodeToString(auth)
}

func (p *WebPush) serve(w http.ResponseWriter, r *http.Request) {
	status, d := p.judge(r)
	if status == http.StatusCreated {
		p.deliver(d)
		w.Header().Set("Location", p.URL+"/message/1")
	} else {
		p.count(strconv.Itoa(status))
	}
	w.WriteHeader(status)
}

func (p *WebPush) judge(r *http.Request) (int, Delivery) {
	no := func(status int) (int, Delivery) { return status, Delivery{} }
	if r.Method != http.MethodPost {
		return no(http.StatusMethodNotAllowed)
	}
	p.mu.Lock()
	sub := p.subs[r.URL.Path]
	p.mu.Unlock()
	prid := p.URL + r.URL.Path
	now, ever := p.known(prid)
	switch {
	case sub == nil, !ever:
		return no(http.StatusNotFound)
	case !now:
		return no(http.StatusGone)
	}
	if status := p.vapid(r.Header.Get("Authorization"), sub); status != 0 {
		return no(status)
	}
	seconds, err := strconv.Atoi(r.Header.Get("TTL"))
	if err != nil || seconds < 0 { // RFC 8030 section 5.2
		return no(http.StatusBadRequest)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 8192))
	if err != nil {
		return no(http.StatusBadRequest)
	}
	if len(body) > 4096 {
		return no(http.StatusRequestEntityTooLarge)
	}
	d := Delivery{PRID: prid, Kind: r.Header.Get("Urgency"), TTL: time.Duration(seconds) * time.Second}
	if len(body) > 0 {
		if r.Header.Get("Content-Encoding") != "aes128gcm" {
			return no(http.StatusBadRequest)
		}
		plain, err := sub.decrypt(body)
		if err != nil || json.Unmarshal(plain, &d.Data) != nil {
			return no(http.StatusBadRequest) // the real service cannot see that; the browser would drop it
		}
	}
	return http.StatusCreated, d
}

// vapid checks RFC 8292: section 2 the token, section 3 the scheme, section 4.2 the restriction.
func (p *WebPush) vapid(authorization string, sub *subscription) int {
	rest, ok := strings.CutPrefix(authorization, "vapid ")
	if !ok {
		return http.StatusUnauthorized
	}
	var token, key string
	for _, part := range strings.Split(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch k {
		case "t":
			token = v
		case "k":
			key = v
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		return http.StatusForbidden
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
	if err != nil || key != sub.vapid {
		return http.StatusForbidden
	}
	j, ok := verify(token, public)
	until, dated := j.seconds("exp")
	subject, _ := j.claims["sub"].(string)
	now := p.now()
	if !ok || j.claims["aud"] != p.URL || !dated || now.After(until) || until.Sub(now) > 24*time.Hour ||
		!strings.HasPrefix(subject, "mailto:") && !strings.HasPrefix(subject, "https:") {
		return http.StatusForbidden
	}
	return 0
}

var errRecord = errors.New("pushtest: not one record of aes128gcm")

// decrypt is the browser's part of RFC 8291.
func (s *subscription) decrypt(body []byte) ([]byte, error) {
	if len(body) < 21 || binary.BigEndian.Uint32(body[16:20]) < 18 || body[20] != 65 || len(body) < 86+17 {
		return nil, errRecord
	}
	salt, id, sealed := body[:16], body[21:86], body[86:]
	from, err := ecdh.P256().NewPublicKey(id)
	if err != nil {
		return nil, err
	}
	shared, err := s.key.ECDH(from)
	if err != nil {
		return nil, err
	}
	ikm, err := hkdf.Key(sha256.New, shared, s.auth, "WebPush: info\x00"+string(s.key.PublicKey().Bytes())+string(id), 32)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, err
	}
	nonce, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, nonce, sealed, nil)
	if err != nil {
		return nil, err
	}
	text := strings.TrimRight(string(plain), "\x00")
	if text, ok := strings.CutSuffix(text, "\x02"); ok {
		return []byte(text), nil
	}
	return nil, errRecord
}
