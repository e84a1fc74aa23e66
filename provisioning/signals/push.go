package signals

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

// Paths of the Handler.
const (
	PushPath   = "/signals/push/" // and the transmitter's name
	LogoutPath = "/signals/logout"
)

// Handler takes pushed tokens and logout tokens. Everything it says about a token it says only to who showed the transmitter's credential.
func (r *Receiver) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+PushPath+"{name}", r.push)
	mux.HandleFunc("POST "+LogoutPath, r.logout)
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) // who sends slowly is cut off: anybody may connect
		mux.ServeHTTP(w, q)
	})
}

// push is RFC 8935 section 2: 202 without a body, or 400 with err and description.
func (r *Receiver) push(w http.ResponseWriter, q *http.Request) {
	t := r.byName[q.PathValue("name")]
	if !r.shows(t, q) {
		r.count.denied.Add(1)
		if !r.strangers.Allow() {
			later(w, http.StatusTooManyRequests)
			return
		}
		answer(w, bad(notAuthentic, "the credential of the stream is missing or wrong"))
		return
	}
	if !r.limits[t.Name].Allow() {
		r.count.denied.Add(1)
		later(w, http.StatusTooManyRequests)
		return
	}
	if kind, _, err := mime.ParseMediaType(q.Header.Get("Content-Type")); err != nil || kind != "application/secevent+jwt" {
		r.count.refused.Add(1)
		answer(w, bad(invalidRequest, "the content type is not application/secevent+jwt"))
		return
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxBody))
	if err != nil {
		r.count.refused.Add(1)
		answer(w, bad(invalidRequest, "the body is too large or did not come"))
		return
	}
	_, err = r.take(q.Context(), t, strings.TrimSpace(string(raw)))
	r.answer(w, t.Name, err)
}

// shows compares the bearer token. Who names no transmitter is told the same, after the same work.
func (r *Receiver) shows(t *Transmitter, q *http.Request) bool {
	want, known := "-", t != nil && t.Token != ""
	if known {
		want = t.Token
	}
	lines := q.Header.Values("Authorization")
	if len(lines) != 1 {
		return false
	}
	scheme, got, _ := strings.Cut(lines[0], " ")
	a, b := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(strings.TrimSpace(got)))
	return same(string(a[:]), string(b[:])) && strings.EqualFold(scheme, "Bearer") && known
}

// answer tells a transmitter what became of its token.
func (r *Receiver) answer(w http.ResponseWriter, name string, err error) {
	var f *fault
	switch {
	case err == nil:
		w.WriteHeader(http.StatusAccepted)
		return
	case !errors.As(err, &f):
		f = &fault{accessDenied, "the event could not be taken", true}
	}
	if f.later { // RFC 8935 section 2.4 has no word for it; HTTP has
		later(w, http.StatusServiceUnavailable)
		return
	}
	r.count.refused.Add(1)
	r.cfg.Log.Warn("signals: a token is refused", "transmitter", name, "err", f.code, "why", f.text)
	answer(w, f)
}

func answer(w http.ResponseWriter, f *fault) {
	body, _ := json.Marshal(map[string]string{"err": f.code, "description": f.text}) // strings always are
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Language", "en")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write(body)
}

func later(w http.ResponseWriter, status int) {
	w.Header().Set("Retry-After", retryAfter)
	w.WriteHeader(status)
}
