package registrar

import (
	"testing"
	"testing/synctest"
	"time"
)

// A binding ends with the token that proved it (RFC 8898 section 5), also where that is shorter than any expiry that we would grant.
func TestBindingEndsWithItsProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{})
		if err := b.r.Start(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		defer b.r.Close(t.Context())
		sign := func(left time.Duration, lines ...string) string {
			t.Helper()
			b.n++
			right := Right{AOR: aor, Domain: "example.test", Proof: "token:tanaka", Until: time.Now().Add(left)}
			resp := b.r.register(message(t, b.n, lines...), udp, right)
			if resp.Status != 200 {
				t.Fatal(resp.Status)
			}
			return resp.Get("Contact")
		}
		if got := sign(90*time.Second, "Contact: <sip:p@192.0.2.1>;expires=3600"); got != "<sip:p@192.0.2.1>;expires=90" {
			t.Error(got)
		}
		if got := sign(20*time.Second, "Contact: <sip:p@192.0.2.1>;expires=3600"); got != "<sip:p@192.0.2.1>;expires=20" {
			t.Error(got)
		}
		if got := b.r.Bindings(aor)[0].Proof; got != "token:tanaka" {
			t.Error(got)
		}
		pass(19 * time.Second)
		b.holds("p")
		pass(time.Second)
		b.holds("")
		if got := sign(time.Hour, "Contact: <sip:p@192.0.2.1>;expires=60"); got != "<sip:p@192.0.2.1>;expires=60" {
			t.Error(got)
		}
		if got := sign(time.Hour, "Contact: <sip:p@192.0.2.1>;expires=0"); got != "" {
			t.Error(got)
		}
	})
}
