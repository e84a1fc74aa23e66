// Package pushtest is the push services of Apple, Google and the browsers for tests, on loopback and over TLS: each refuses what the real one
// refuses, in the real one's words, and remembers what it delivered. It never delivers anything to anybody.
package pushtest

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Delivery is a message that a service took.
type Delivery struct {
	PRID string            // whose
	Kind string            // apns-push-type, priority or urgency, as the service calls it
	Data map[string]string // what the app gets; nil: nothing
	TTL  time.Duration
}

// Service is what the three have in common. Safe for concurrent use.
type Service struct {
	URL    string
	server *httptest.Server

	mu        sync.Mutex
	devices   map[string]bool // registrations: false: it is gone
	delivered []Delivery
	refused   map[string]int // by reason
	down      int            // HTTP status to answer everything with; 0: none
	hang      bool           // it takes requests and never answers
	hook      func(Delivery)
	clock     func() time.Time
	stop      chan struct{}
}

func (s *Service) start(t testing.TB, h http.Handler) {
	s.devices, s.refused, s.clock, s.stop = make(map[string]bool), make(map[string]int), time.Now, make(chan struct{})
	s.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		down, hang := s.down, s.hang
		s.mu.Unlock()
		switch {
		case hang:
			select {
			case <-r.Context().Done():
			case <-s.stop:
			}
		case down != 0:
			w.WriteHeader(down)
		default:
			h.ServeHTTP(w, r)
		}
	}))
	s.server.EnableHTTP2 = true
	s.server.StartTLS()
	s.URL = s.server.URL
	t.Cleanup(func() {
		close(s.stop)
		s.server.Close()
	})
}

// Transport trusts the service's certificate.
func (s *Service) Transport() *http.Transport { return s.server.Client().Transport.(*http.Transport) }

// Host is the name and port of the service.
func (s *Service) Host() string { return strings.TrimPrefix(s.URL, "https://") }

// Register makes a device known.
func (s *Service) Register(prid string) { s.set(func() { s.devices[prid] = true }) }

// Forget makes a device's registration end, as when its app is removed.
func (s *Service) Forget(prid string) { s.set(func() { s.devices[prid] = false }) }

// Down has everything answered with a status; 0: as usual.
func (s *Service) Down(status int) { s.set(func() { s.down = status }) }

// Hang has nothing answered.
func (s *Service) Hang(on bool) { s.set(func() { s.hang = on }) }

// Clock sets the service's time.
func (s *Service) Clock(f func() time.Time) { s.set(func() { s.clock = f }) }

// OnDelivery has f called with each message that was taken, before its sender is answered.
func (s *Service) OnDelivery(f func(Delivery)) { s.set(func() { s.hook = f }) }

func (s *Service) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// Delivered are the messages so far.
func (s *Service) Delivered() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Delivery(nil), s.delivered...)
}

// Refused counts the refusals for a reason.
func (s *Service) Refused(reason string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused[reason]
}

func (s *Service) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock()
}

// known tells whether a device is registered, and whether it ever was.
func (s *Service) known(prid string) (now, ever bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, ever = s.devices[prid]
	return now, ever
}

func (s *Service) deliver(d Delivery) {
	s.mu.Lock()
	s.delivered = append(s.delivered, d)
	hook := s.hook
	s.mu.Unlock()
	if hook != nil {
		hook(d)
	}
}

func (s *Service) count(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused[reason]++
}

// jwt is a token that was verified.
type jwt struct{ header, claims map[string]any }

// verify reads a compact JWS of ES256 or RS256, and nothing else.
func verify(text string, key any) (jwt, bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return jwt{}, false
	}
	var j jwt
	for i, into := range []*map[string]any{&j.header, &j.claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(raw, into) != nil {
			return jwt{}, false
		}
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return jwt{}, false
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		ok := j.header["alg"] == "ES256" && len(sig) == 64 && ecdsa.Verify(k, digest[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
		return j, ok
	case *rsa.PublicKey:
		return j, j.header["alg"] == "RS256" && verifyRSA(k, digest[:], sig)
	}
	return jwt{}, false
}

func (j jwt) seconds(claim string) (time.Time, bool) {
	v, ok := j.claims[claim].(float64)
	return time.Unix(int64(v), 0), ok
}

// pemOf is a private key as services give it out.
func pemOf(t testing.TB, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
