package acme

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net/http/httptest"
	"testing"
)

// TestStrangersLearnNothing: outside of an order no path and no handshake has an answer, and after it none has one any more. TestACME (loadtest) has orders.
func TestStrangersLearnNothing(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{HTTP01, TLSALPN01} {
		c := New(Config{Names: []string{"pbx.example"}, Challenge: how, Account: key})
		get := func(method string) int {
			w := httptest.NewRecorder()
			c.ServeHTTP(w, httptest.NewRequest(method, "http://pbx.example/.well-known/acme-challenge/token", nil))
			return w.Code
		}
		hello := func(name string, protos ...string) error {
			cert, err := c.Certificate(&tls.ClientHelloInfo{ServerName: name, SupportedProtos: protos})
			if err == nil && cert == nil {
				return errNothing
			}
			return err
		}
		before := [2]any{get("GET"), hello("pbx.example", ALPN)}
		if err := c.show("token", "pbx.example"); err != nil {
			t.Fatal(err)
		}
		during := [2]any{get("GET"), hello("PBX.example", ALPN)}
		want := [2]any{200, ErrNotProving}
		if how == TLSALPN01 {
			want = [2]any{404, error(nil)}
		}
		if before != [2]any{404, ErrNotProving} || during != want || get("POST") != 404 || !errors.Is(hello("other.example", ALPN), ErrNotProving) {
			t.Errorf("%s: before %v, during %v want %v, by POST %d", how, before, during, want, get("POST"))
		}
		for _, protos := range [][]string{nil, {"h2"}, {ALPN, "h2"}} { // anybody else's handshake
			if err := hello("pbx.example", protos...); err != errNothing {
				t.Errorf("%s: %v is answered: %v", how, protos, err)
			}
		}
		if c.forget(); get("GET") != 404 || !errors.Is(hello("pbx.example", ALPN), ErrNotProving) {
			t.Errorf("%s: the proof is still there", how)
		}
	}
}

var errNothing = errors.New("no certificate of ours")
