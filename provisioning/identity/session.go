package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"sync"
	"time"
)

const maxSessions = 32 << 10

// session is a browser that signed in. It ends with the service, with its time, and when the password changes (salt differs).
type session struct {
	who     account
	at      time.Time
	amr     []string
	salt    string
	expires time.Time
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
	s.mu.Lock()
	defer s.mu.Unlock()
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

func (s *sessions) get(id string) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.byID[sha256.Sum256([]byte(id))]
	return v, ok && s.clock().Before(v.expires)
}

func (s *sessions) drop(who account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, v := range s.byID {
		if v.who == who {
			delete(s.byID, k)
		}
	}
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
