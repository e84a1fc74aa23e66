package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"naisen/provisioning"
)

const maxSessions = 32 << 10

// maxUserSessions bounds the browsers of one person: the one not used for longest goes.
const maxUserSessions = 32

// session is a browser that signed in. It ends with the service, with its time, and when the password changes (salt differs).
type session struct {
	id      string // opens nothing; empty: not yet one of sessions
	who     account
	at      time.Time // of the proof
	used    time.Time
	amr     []string
	acr     string
	salt    string
	sealed  bool // the break-glass account
	expires time.Time
	source  string
	agent   string

	pending enrolment
}

// enrolment is a second factor that is being added on the account page.
type enrolment struct {
	totp    []byte                // the new app's secret, until a code of it was shown
	passkey *webauthn.SessionData // the challenge to a new passkey
}

// sessions by the hash of the cookie, so that memory holds no usable cookie.
type sessions struct {
	clock func() time.Time
	mu    sync.Mutex
	byID  map[[32]byte]session
}

func newSessions(clock func() time.Time) *sessions {
	return &sessions{clock: clock, byID: map[[32]byte]session{}}
}

// add returns the cookie's value: always a fresh one, so a planted cookie never becomes a session.
func (s *sessions) add(v session) string {
	id := rand.Text()
	v.id, v.used = browserID+rand.Text()[:16], s.clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.makeRoom(v.who)
	if len(s.byID) >= maxSessions {
		now := s.clock()
		for k, old := range s.byID {
			if now.After(old.expires) {
				delete(s.byID, k)
			}
		}
		for k := range s.byID { // still full: someone has to sign in again
			if len(s.byID) < maxSessions {
				break
			}
			delete(s.byID, k)
		}
	}
	s.byID[sha256.Sum256([]byte(id))] = v
	return id
}

// makeRoom for one more session of a person. The lock is held.
func (s *sessions) makeRoom(who account) {
	n, oldest, at := 0, [32]byte{}, time.Time{}
	for k, v := range s.byID {
		if v.who != who {
			continue
		}
		if n++; n == 1 || v.used.Before(at) {
			oldest, at = k, v.used
		}
	}
	if n >= maxUserSessions {
		delete(s.byID, oldest)
	}
}

func (s *sessions) get(id string) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, now := sha256.Sum256([]byte(id)), s.clock()
	v, ok := s.byID[k]
	if !ok || !now.Before(v.expires) {
		return session{}, false
	}
	v.used = now
	s.byID[k] = v
	return v, true
}

// enrol keeps what the account page waits for.
func (s *sessions) enrol(id string, e enrolment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := sha256.Sum256([]byte(id))
	if v, ok := s.byID[k]; ok {
		v.pending = e
		s.byID[k] = v
	}
}

// list are those of a person.
func (s *sessions) list(who account) (out []provisioning.SignInSession) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	for _, v := range s.byID {
		if v.who == who && now.Before(v.expires) {
			out = append(out, provisioning.SignInSession{ID: v.id, Kind: provisioning.SessionOfBrowser, Source: v.source, Agent: v.agent,
				Since: v.at.UTC(), Used: v.used.UTC(), Ends: v.expires.UTC(), ACR: v.acr, AMR: v.amr})
		}
	}
	return out
}

// end ends one of a person's; false: it is none of theirs.
func (s *sessions) end(who account, id string) bool {
	return s.dropIf(func(v session) bool { return v.who == who && v.id == id }) > 0
}

// drop ends all of a person, and says how many there were.
func (s *sessions) drop(who account) int {
	return s.dropIf(func(v session) bool { return v.who == who })
}

func (s *sessions) dropIf(gone func(session) bool) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, v := range s.byID {
		if gone(v) {
			delete(s.byID, k)
			n++
		}
	}
	return n
}

// Cookies. With https they carry the __Secure- prefix, which a page without TLS cannot plant (RFC 6265bis section 4.1.3).
func (s *Service) cookieName(name string) string {
	if s.secure {
		return "__Secure-naisen-" + name
	}
	return "naisen-" + name
}

func (s *Service) setCookie(w http.ResponseWriter, name, value string, ttl time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(name), Value: value, Path: s.path + "/", MaxAge: int(ttl / time.Second),
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
}

func (s *Service) cookie(r *http.Request, name string) string {
	c, err := r.Cookie(s.cookieName(name))
	if err != nil || len(c.Value) > 128 {
		return ""
	}
	return c.Value
}

const (
	cookieBrowser = "browser" // which browser a sign-in belongs to
	cookieSession = "session"
)

// browser gives the cookie that ties a sign-in to this browser, and makes it if there is none.
func (s *Service) browser(w http.ResponseWriter, r *http.Request) string {
	if b := s.cookie(r, cookieBrowser); b != "" {
		return b
	}
	b := rand.Text()
	s.setCookie(w, cookieBrowser, b, requestTTL)
	return b
}

// csrf is bound to the browser and to the one sign-in.
func (s *Service) csrf(browser, request string) string {
	m := hmac.New(sha256.New, s.csrfKey)
	m.Write([]byte(browser + "\x00" + request))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

func (s *Service) csrfOK(token, browser, request string) bool {
	return hmac.Equal([]byte(token), []byte(s.csrf(browser, request)))
}
