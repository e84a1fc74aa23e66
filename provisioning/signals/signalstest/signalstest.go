// Package signalstest is a transmitter of shared signals, and an OIDC provider as far as tests need one, that is strict: it signs what it is told to and
// checks each answer to the letter. For tests only.
package signalstest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// URIs of events.
const (
	CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
	RISC = "https://schemas.openid.net/secevent/risc/event-type/"
	SSF  = "https://schemas.openid.net/secevent/ssf/event-type/"
)

// Audience is what it calls the receiver.
const Audience = "https://pbx.example.jp/signals"

// Transmitter serves its key set, its descriptions and a poll endpoint, and signs.
type Transmitter struct {
	*httptest.Server
	t   testing.TB
	key *ecdsa.PrivateKey
	kid string

	mu     sync.Mutex
	queued map[string]string // for polls: jti -> SET
	Acked  []string
	Errs   map[string]string // jti -> err
	token  string            // that a poll must show
}

// New starts one that ends with the test.
func New(t testing.TB) *Transmitter {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x := &Transmitter{t: t, key: key, kid: rand.Text()[:8], queued: map[string]string{}, Errs: map[string]string{}, token: rand.Text()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		point, _ := key.PublicKey.Bytes()
		reply(w, map[string]any{"keys": []any{map[string]string{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": x.kid, "x": encode(point[1:33]), "y": encode(point[33:])}}})
	})
	describe := func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"issuer": x.URL, "jwks_uri": x.URL + "/keys", "delivery_methods_supported": []string{"urn:ietf:rfc:8935", "urn:ietf:rfc:8936"}})
	}
	mux.HandleFunc("GET /.well-known/ssf-configuration", describe)
	mux.HandleFunc("GET /.well-known/openid-configuration", describe)
	mux.HandleFunc("POST /poll", x.poll)
	x.Server = httptest.NewServer(mux)
	t.Cleanup(x.Close)
	return x
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Sign makes a JWT. The header's alg and kid are its own unless given.
func (x *Transmitter) Sign(header, claims map[string]any) string {
	x.t.Helper()
	h := map[string]any{"alg": "ES256", "kid": x.kid}
	maps.Copy(h, header)
	a, err1 := json.Marshal(h)
	b, err2 := json.Marshal(claims)
	if err1 != nil || err2 != nil {
		x.t.Fatal(err1, err2)
	}
	text := encode(a) + "." + encode(b)
	sum := sha256.Sum256([]byte(text))
	switch h["alg"] {
	case "none":
		return text + "."
	case "HS256": // with the public key as the secret: the oldest trick
		point, _ := x.key.PublicKey.Bytes()
		m := hmac.New(sha256.New, point)
		m.Write([]byte(text))
		return text + "." + encode(m.Sum(nil))
	}
	r, s, err := ecdsa.Sign(rand.Reader, x.key, sum[:])
	if err != nil {
		x.t.Fatal(err)
	}
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return text + "." + encode(sig)
}

// Claims of a SET with one event about somebody, that happened now.
func (x *Transmitter) Claims(uri string, subject any, event map[string]any) map[string]any {
	payload := map[string]any{"event_timestamp": float64(time.Now().UnixMilli()) / 1000}
	maps.Copy(payload, event)
	return map[string]any{"iss": x.URL, "aud": Audience, "jti": rand.Text(), "iat": time.Now().Unix(), "txn": rand.Text(), "sub_id": subject,
		"events": map[string]any{uri: payload}}
}

// SET signs such claims.
func (x *Transmitter) SET(claims map[string]any) string {
	x.t.Helper()
	return x.Sign(map[string]any{"typ": "secevent+jwt"}, claims)
}

// User is a subject by iss_sub.
func User(issuer, sub string) map[string]any {
	return map[string]any{"format": "iss_sub", "iss": issuer, "sub": sub}
}

// Access is an access token (RFC 9068) for somebody of a domain.
func (x *Transmitter) Access(audience string, claims map[string]any) string {
	x.t.Helper()
	now := time.Now()
	c := map[string]any{"iss": x.URL, "aud": audience, "client_id": "test", "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	maps.Copy(c, claims)
	return x.Sign(map[string]any{"typ": "at+jwt"}, c)
}

// Push delivers a SET (RFC 8935) and gives the err of the answer, which is checked: "" for 202.
func (x *Transmitter) Push(to, token, set string) string {
	x.t.Helper()
	req, err := http.NewRequestWithContext(x.t.Context(), http.MethodPost, to, strings.NewReader(set))
	if err != nil {
		x.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/secevent+jwt")
	req.Header.Set("Accept", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return x.answer(req)
}

// answer checks what RFC 8935 sections 2.2 to 2.4 say of answers.
func (x *Transmitter) answer(req *http.Request) string {
	x.t.Helper()
	resp, err := x.Client().Do(req)
	if err != nil {
		x.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	switch resp.StatusCode {
	case http.StatusAccepted:
		if len(body) > 0 {
			x.t.Errorf("202 with a body: %s", body)
		}
		return ""
	case http.StatusBadRequest:
	default:
		if resp.Header.Get("Retry-After") == "" {
			x.t.Errorf("%d without Retry-After", resp.StatusCode)
		}
		return resp.Status
	}
	var fault map[string]string
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&fault); err != nil || resp.Header.Get("Content-Type") != "application/json" || resp.Header.Get("Content-Language") == "" || len(fault) != 2 || fault["description"] == "" {
		x.t.Errorf("400 as %q: %s", resp.Header.Get("Content-Type"), body)
	}
	known := []string{"invalid_request", "invalid_key", "invalid_issuer", "invalid_audience", "authentication_failed", "access_denied"}
	if !slices.Contains(known, fault["err"]) {
		x.t.Errorf("err %q is none of RFC 8935", fault["err"])
	}
	return fault["err"]
}

// Logout sends a logout token (OpenID Connect Back-Channel Logout 1.0 section 2.5) and gives the answer's status.
func (x *Transmitter) Logout(to string, token string) int {
	x.t.Helper()
	resp, err := x.Client().PostForm(to, url.Values{"logout_token": {token}})
	if err != nil {
		x.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.Header.Get("Cache-Control") != "no-store" {
		x.t.Errorf("the answer to a sign-out may be stored: %v", resp.Header)
	}
	if resp.StatusCode == http.StatusBadRequest {
		var fault map[string]string
		if json.Unmarshal(body, &fault) != nil || fault["error"] != "invalid_request" || fault["error_description"] == "" {
			x.t.Errorf("400: %s", body)
		}
	}
	return resp.StatusCode
}

// LogoutClaims of a valid logout token for a client.
func (x *Transmitter) LogoutClaims(client string, who map[string]any) map[string]any {
	now := time.Now()
	c := map[string]any{"iss": x.URL, "aud": client, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}
	maps.Copy(c, who)
	return c
}

// PollToken is what a poll must show.
func (x *Transmitter) PollToken() string { return x.token }

// Queue lets a SET be polled until it is acknowledged or refused.
func (x *Transmitter) Queue(claims map[string]any) { x.QueueRaw(claims["jti"].(string), x.SET(claims)) }

// QueueRaw is Queue of anything.
func (x *Transmitter) QueueRaw(id, set string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.queued[id] = set
}

// Waiting counts what was neither acknowledged nor refused.
func (x *Transmitter) Waiting() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.queued)
}

// Outcome is what a receiver said of a SET: "ack", an err, or nothing yet.
func (x *Transmitter) Outcome(id string) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if slices.Contains(x.Acked, id) {
		return "ack"
	}
	return x.Errs[id]
}

// poll is RFC 8936 section 2.
func (x *Transmitter) poll(w http.ResponseWriter, q *http.Request) {
	var body struct {
		Max  *int                                         `json:"maxEvents"`
		Now  *bool                                        `json:"returnImmediately"`
		Ack  []string                                     `json:"ack"`
		Errs map[string]struct{ Err, Description string } `json:"setErrs"`
	}
	d := json.NewDecoder(q.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil || q.Header.Get("Content-Type") != "application/json" {
		x.t.Errorf("a poll that is none: %v", err)
	}
	if q.Header.Get("Authorization") != "Bearer "+x.token {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range body.Ack {
		x.Acked = append(x.Acked, id)
		delete(x.queued, id)
	}
	for id, e := range body.Errs {
		if e.Err == "" || e.Description == "" {
			x.t.Errorf("a refusal without a reason: %+v", e)
		}
		x.Errs[id] = e.Err
		delete(x.queued, id)
	}
	sets := map[string]string{}
	for id, set := range x.queued {
		if body.Max == nil || len(sets) < *body.Max {
			sets[id] = set
		}
	}
	reply(w, map[string]any{"sets": sets, "moreAvailable": len(sets) < len(x.queued)})
}
