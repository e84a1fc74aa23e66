package pushtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// APNs is Apple's service.
type APNs struct {
	Service
	Key           []byte // PEM of the provider's key
	KeyID, TeamID string
	Topics        []string // with .voip, where the app has that

	key    *ecdsa.PrivateKey
	tokens map[string]time.Time // provider tokens seen, and when they were made
	topics map[string]string    // of devices that were registered for one: see RegisterFor
}

// NewAPNs starts it.
func NewAPNs(t testing.TB, topics ...string) *APNs {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &APNs{Key: pemOf(t, key), KeyID: "ABC123DEFG", TeamID: "DEF123GHIJ", Topics: topics, key: key, tokens: make(map[string]time.Time), topics: make(map[string]string)}
	a.start(t, http.HandlerFunc(a.serve))
	return a
}

// RegisterFor makes a device's token that is good for one topic only, as Apple's are.
func (a *APNs) RegisterFor(prid, topic string) {
	a.set(func() { a.topics[prid] = topic })
	a.Register(prid)
}

// topicOf is the topic that a token is for.
func (a *APNs) topicOf(prid string) (topic string, ok bool) {
	a.set(func() { topic, ok = a.topics[prid] })
	return topic, ok
}

func (a *APNs) serve(w http.ResponseWriter, r *http.Request) {
	status, reason, d := a.judge(r)
	if status == http.StatusOK {
		a.deliver(d)
		w.Header().Set("apns-id", "eabeae54-14a8-11e5-b60b-1697f925ec7b")
		return
	}
	a.count(reason)
	body := map[string]any{"reason": reason}
	if status == http.StatusGone {
		body["timestamp"] = a.now().UnixMilli()
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// judge checks a request as "Sending notification requests to APNs" describes it.
func (a *APNs) judge(r *http.Request) (int, string, Delivery) {
	no := func(status int, reason string) (int, string, Delivery) { return status, reason, Delivery{} }
	switch {
	case r.ProtoMajor != 2:
		return no(http.StatusBadRequest, "NotHTTP2") // the real one ends the connection
	case r.Method != http.MethodPost:
		return no(http.StatusMethodNotAllowed, "MethodNotAllowed")
	}
	token, ok := strings.CutPrefix(r.URL.Path, "/3/device/")
	if !ok {
		return no(http.StatusNotFound, "BadPath")
	}
	if token == "" {
		return no(http.StatusBadRequest, "MissingDeviceToken")
	}
	for _, name := range []string{"apns-topic", "apns-push-type", "apns-priority", "apns-expiration", "authorization"} {
		if len(r.Header.Values(name)) > 1 {
			return no(http.StatusBadRequest, "DuplicateHeaders")
		}
	}
	if status, reason := a.provider(r.Header.Get("authorization")); status != 0 {
		return no(status, reason)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 8192))
	if err != nil {
		return no(http.StatusBadRequest, "IdleTimeout")
	}
	ttl, status, reason := a.headers(r.Header, body)
	if status != 0 {
		return no(status, reason)
	}
	raw, err := hex.DecodeString(token)
	now, ever := a.known(token)
	topic, bound := a.topicOf(token)
	switch {
	case err != nil || len(raw) < 32, !ever:
		return no(http.StatusBadRequest, "BadDeviceToken")
	case bound && topic != r.Header.Get("apns-topic"):
		return no(http.StatusBadRequest, "DeviceTokenNotForTopic")
	case !now:
		return no(http.StatusGone, "Unregistered")
	}
	var said map[string]any
	if json.Unmarshal(body, &said) != nil || said["aps"] == nil {
		return no(http.StatusBadRequest, "PayloadEmpty")
	}
	data := make(map[string]string)
	for k, v := range said {
		if text, ok := v.(string); ok {
			data[k] = text
		}
	}
	return http.StatusOK, "", Delivery{PRID: token, Kind: r.Header.Get("apns-push-type"), Data: data, TTL: ttl}
}

// provider checks the provider token.
func (a *APNs) provider(authorization string) (int, string) {
	text, ok := strings.CutPrefix(authorization, "bearer ")
	if !ok {
		return http.StatusForbidden, "MissingProviderToken"
	}
	j, ok := verify(text, &a.key.PublicKey)
	made, dated := j.seconds("iat")
	if !ok || j.header["kid"] != a.KeyID || j.claims["iss"] != a.TeamID || !dated {
		return http.StatusForbidden, "InvalidProviderToken"
	}
	now := a.now()
	if now.Sub(made) > time.Hour || made.Sub(now) > time.Minute {
		return http.StatusForbidden, "ExpiredProviderToken"
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, seen := a.tokens[text]; !seen {
		for _, at := range a.tokens {
			if d := made.Sub(at); d > -20*time.Minute && d < 20*time.Minute {
				return http.StatusTooManyRequests, "TooManyProviderTokenUpdates"
			}
		}
		a.tokens[text] = made
	}
	return 0, ""
}

// headers checks the rest of the header fields against each other and the body.
func (a *APNs) headers(h http.Header, body []byte) (ttl time.Duration, status int, reason string) {
	no := func(reason string) (time.Duration, int, string) { return 0, http.StatusBadRequest, reason }
	topic, kind, priority := h.Get("apns-topic"), h.Get("apns-push-type"), h.Get("apns-priority")
	switch {
	case topic == "":
		return no("MissingTopic")
	case !slices.Contains(a.Topics, topic):
		return no("TopicDisallowed")
	case !slices.Contains([]string{"alert", "background", "voip"}, kind):
		return no("InvalidPushType")
	case (kind == "voip") != strings.HasSuffix(topic, ".voip"):
		return no("DeviceTokenNotForTopic")
	case priority != "" && priority != "1" && priority != "5" && priority != "10", kind == "background" && priority != "5":
		return no("BadPriority")
	case len(body) == 0:
		return no("PayloadEmpty")
	case kind == "voip" && len(body) > 5120, kind != "voip" && len(body) > 4096:
		return 0, http.StatusRequestEntityTooLarge, "PayloadTooLarge"
	}
	if v := h.Get("apns-expiration"); v != "" && v != "0" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 {
			return no("BadExpirationDate")
		}
		ttl = time.Unix(n, 0).Sub(a.now())
	}
	return ttl, 0, ""
}
