package pushtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// FCM is Google's service, with the token service in front of it.
type FCM struct {
	Service
	Account []byte // JSON of the service account
	Project string

	key    *rsa.PrivateKey
	tokens map[string]time.Time // access tokens, and when they end
	issued int
}

const fcmEmail = "pbx@example-project.iam.gserviceaccount.com"

// NewFCM starts it.
func NewFCM(t testing.TB) *FCM {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f := &FCM{Project: "example-project", key: key, tokens: make(map[string]time.Time)}
	f.Account, err = json.Marshal(map[string]string{"type": "service_account", "project_id": f.Project, "private_key_id": "0123456789abcdef",
		"private_key": string(pemOf(t, key)), "client_email": fcmEmail, "token_uri": "https://elsewhere.example/token"})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", f.token)
	mux.HandleFunc("POST /v1/projects/{project}/{verb}", f.send)
	f.start(t, mux)
	return f
}

// TokenURI is where access tokens are had.
func (f *FCM) TokenURI() string { return f.URL + "/token" }

// Revoke makes all access tokens invalid.
func (f *FCM) Revoke() { f.set(func() { clear(f.tokens) }) }

// Issued counts the access tokens.
func (f *FCM) Issued() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.issued
}

func verifyRSA(k *rsa.PublicKey, digest, sig []byte) bool {
	return rsa.VerifyPKCS1v15(k, crypto.SHA256, digest, sig) == nil
}

// token is the grant of RFC 7523.
func (f *FCM) token(w http.ResponseWriter, r *http.Request) {
	no := func(word string) {
		f.count(word)
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": word})
	}
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if r.ParseForm() != nil || r.PostForm.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		no("unsupported_grant_type")
		return
	}
	j, ok := verify(r.PostForm.Get("assertion"), &f.key.PublicKey)
	made, dated := j.seconds("iat")
	until, ends := j.seconds("exp")
	now := f.now()
	switch {
	case !ok, !dated, !ends, j.claims["iss"] != fcmEmail, j.claims["aud"] != f.TokenURI(), now.Before(made.Add(-time.Minute)), now.After(until),
		until.Sub(made) > time.Hour:
		no("invalid_grant")
		return
	case j.claims["scope"] != "https://www.googleapis.com/auth/firebase.messaging":
		no("invalid_scope")
		return
	}
	raw := make([]byte, 16)
	_, _ = rand.Read(raw)
	text := "ya29." + hex.EncodeToString(raw)
	f.set(func() {
		f.tokens[text] = now.Add(time.Hour)
		f.issued++
	})
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": text, "token_type": "Bearer", "expires_in": 3599})
}

type fcmMessage struct {
	Message *struct {
		Token   string            `json:"token"`
		Data    map[string]string `json:"data"`
		Android struct {
			Priority string `json:"priority"`
			TTL      string `json:"ttl"`
		} `json:"android"`
	} `json:"message"`
	ValidateOnly bool `json:"validate_only"`
}

// send is projects.messages.send.
func (f *FCM) send(w http.ResponseWriter, r *http.Request) {
	no := func(status int, word, code string) {
		f.count(code)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": status, "status": word, "message": "refused",
			"details": []map[string]string{{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}}}})
	}
	text, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	f.mu.Lock()
	until, ok := f.tokens[text]
	f.mu.Unlock()
	if !ok || f.now().After(until) {
		no(http.StatusUnauthorized, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR")
		return
	}
	if r.PathValue("verb") != "messages:send" {
		no(http.StatusNotFound, "NOT_FOUND", "NOT_FOUND")
		return
	}
	if r.PathValue("project") != f.Project {
		no(http.StatusForbidden, "PERMISSION_DENIED", "SENDER_ID_MISMATCH")
		return
	}
	var m fcmMessage
	raw, err := io.ReadAll(io.LimitReader(r.Body, 8192))
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.DisallowUnknownFields()
	if err != nil || dec.Decode(&m) != nil || m.Message == nil {
		no(http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT")
		return
	}
	ttl, valid := m.check()
	if !valid {
		no(http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT")
		return
	}
	switch now, ever := f.known(m.Message.Token); {
	case !ever:
		no(http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT")
	case !now:
		no(http.StatusNotFound, "NOT_FOUND", "UNREGISTERED")
	default:
		f.deliver(Delivery{PRID: m.Message.Token, Kind: m.Message.Android.Priority, Data: m.Message.Data, TTL: ttl})
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"name": "projects/" + f.Project + "/messages/0:1"})
	}
}

// check refuses what the reference of FCM calls invalid.
func (m fcmMessage) check() (ttl time.Duration, ok bool) {
	size := 0
	for k, v := range m.Message.Data {
		if k == "from" || k == "gcm" || strings.HasPrefix(k, "google") {
			return 0, false
		}
		size += len(k) + len(v)
	}
	digits, ok := strings.CutSuffix(m.Message.Android.TTL, "s")
	seconds, err := strconv.ParseFloat(digits, 64)
	p := m.Message.Android.Priority
	if !ok || err != nil || seconds < 0 || seconds > 4*7*86400 || size > 4096 || p != "HIGH" && p != "NORMAL" {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}
