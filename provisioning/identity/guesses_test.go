package identity

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"naisen/provisioning"
)

// cheap is a verifier that costs nothing to compare with, for tests of many sign-ins.
func cheap(password string) verifier {
	v := verifier{Memory: 8, Passes: 1, Lanes: 1, Salt: make([]byte, argonSalt)}
	v.Key = argon2.IDKey([]byte(password), v.Salt, v.Passes, v.Memory, v.Lanes, argonKey)
	return v
}

// withCheap has the administrator with newSecret as password, and counts comparisons by what they cost.
func withCheap(t *testing.T) (*rig, map[string]int) {
	r := newRig(t)
	hashed := map[string]int{}
	r.nobody = cheap("nobody's")
	r.matches = func(v verifier, password string) bool {
		hashed[fmt.Sprint(v.Memory, v.Passes, v.Lanes, len(v.Salt), len(v.Key))]++
		return v.matches(password)
	}
	r.store.put(testDomain, provisioning.User{Name: "admin", Roles: []provisioning.Role{provisioning.RoleAdmin}})
	r.secret(t, "admin", cheap(newSecret))
	return r, hashed
}

func (r *rig) secret(t *testing.T, user string, v verifier) {
	t.Helper()
	if err := r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return w.PutSecret(testDomain, secretPassword, user, v.encode())
	}); err != nil {
		t.Fatal(err)
	}
}

// guesser sends the login form straight to the handler: it needs no network to be fast.
type guesser struct {
	t       *testing.T
	r       *rig
	cookies []*http.Cookie
	form    url.Values
}

// page begins another sign-in.
func (g *guesser) page() {
	g.t.Helper()
	at := g.r.authURL("console", g.r.consoleRedirect(), aVerifier, nil)
	for range 3 {
		req := httptest.NewRequestWithContext(g.t.Context(), http.MethodGet, at, nil)
		w := httptest.NewRecorder()
		g.r.Handler().ServeHTTP(w, req)
		if to := w.Header().Get("Location"); to != "" {
			at = g.r.server.URL + strings.TrimPrefix(to, g.r.server.URL)
			continue
		}
		g.cookies = w.Result().Cookies()
		g.form = url.Values{}
		for _, m := range regexp.MustCompile(`name="(id|csrf)" value="([^"]*)"`).FindAllStringSubmatch(w.Body.String(), -1) {
			g.form.Set(m[1], m[2])
		}
		return
	}
	g.t.Fatal("no page")
}

func (g *guesser) try(user, password string) *httptest.ResponseRecorder {
	g.t.Helper()
	g.form.Set("user", user)
	g.form.Set("password", password)
	req := httptest.NewRequestWithContext(g.t.Context(), http.MethodPost, g.r.server.URL+"/identity/login", strings.NewReader(g.form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range g.cookies {
		req.AddCookie(c)
	}
	w := httptest.NewRecorder()
	g.r.Handler().ServeHTTP(w, req)
	return w
}

// TestTenThousandGuesses: one a second for three hours. What comes too fast is 429 without a hash; the owner elsewhere signs in at once, before, meanwhile
// and afterwards, and what the owner's telephone and programs hold goes on.
func TestTenThousandGuesses(t *testing.T) {
	r, hashed := withCheap(t)
	tok, err := r.login().Password(t.Context(), "admin", newSecret, nil)
	if err != nil {
		t.Fatal(err)
	}
	clear(hashed)
	g := &guesser{t: t, r: r}
	got := map[int]int{}
	owners := 0
	for i := range 10_000 {
		r.source.set("203.0.113.5")
		if i%500 == 0 {
			g.page()
		}
		w := g.try("admin", "guess")
		got[w.Code]++
		if (w.Code == http.StatusTooManyRequests) != (w.Header().Get("Retry-After") != "") {
			t.Fatalf("guess %d: %d, Retry-After %q", i, w.Code, w.Header().Get("Retry-After"))
		}
		r.clock.add(time.Second)
		if i%2500 == 1250 {
			r.source.set("192.0.2.1")
			o := &guesser{t: t, r: r}
			o.page()
			if w := o.try("admin", newSecret); w.Code != http.StatusFound || !strings.Contains(w.Header().Get("Location"), "code=") {
				t.Errorf("the owner elsewhere, after %d guesses: %d", i, w.Code)
			}
			owners++
			if tok, err = r.login().Refresh(t.Context(), tok.Refresh); err != nil {
				t.Fatalf("the owner's program, after %d guesses: %v", i, err)
			}
			if _, err := r.verify.Verify(t.Context(), tok.Access); err != nil {
				t.Errorf("the owner's telephone, after %d guesses: %v", i, err)
			}
		}
	}
	tried := got[http.StatusForbidden]
	if tried+got[http.StatusTooManyRequests] != 10_000 || tried > 5+10_000/30 || tried < 300 {
		t.Errorf("answers %v: want 403 for five and one in half a minute, and 429 for the rest", got)
	}
	hashes := 0
	for n := range maps.Values(hashed) {
		hashes += n
	}
	if hashes != tried+owners {
		t.Errorf("%d hashes for %d guesses that were tried and %d sign-ins", hashes, tried, owners)
	}
	if n := len(r.store.entries("sign-in.failed")); n == 0 || n > tried {
		t.Errorf("%d failures in the audit log", n)
	}
}

// TestManyNamesFromOneSource: who tries one password with every name is stopped by the source's own bound.
func TestManyNamesFromOneSource(t *testing.T) {
	r, _ := withCheap(t)
	g := &guesser{t: t, r: r}
	g.page()
	got := map[int]int{}
	for i := range 100 {
		got[g.try(fmt.Sprintf("user%d", i), "Spring2026!!").Code]++
	}
	if got[http.StatusForbidden] != 20 || got[http.StatusTooManyRequests] != 80 {
		t.Errorf("%v", got)
	}
}

// TestNamesAnswerAlike: a known name, an unknown one, a disabled one, one without a password and one of another domain differ in nothing that can be
// seen: status, headers, page, and the work that is done.
func TestNamesAnswerAlike(t *testing.T) {
	r, hashed := withCheap(t)
	r.store.put(testDomain, provisioning.User{Name: "carol", Disabled: true})
	r.secret(t, "carol", cheap("guess")) // even the right one
	r.store.put(testDomain, provisioning.User{Name: "dave"})
	r.store.put(testDomain, provisioning.User{Name: "erin"})
	r.secret(t, "erin", cheap("other"))
	if err := r.changeFactors(t.Context(), provisioning.Subject{System: true}, account{testDomain, "erin"}, func(f *factors) error {
		f.TOTP = &totpFactor{Secret: newTOTP()}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var want string
	for i, name := range []string{"admin", "nobody", "carol", "dave", "erin", "nobody@elsewhere.example", "admin@" + testDomain} {
		for n := range 6 { // the sixth is throttled
			r.source.set(fmt.Sprintf("198.51.100.%d", i))
			if n == 0 {
				clear(hashed)
			}
			g := &guesser{t: t, r: r}
			g.page()
			w := g.try(name, "guess")
			body := regexp.MustCompile(`value="[^"]*"`).ReplaceAllString(w.Body.String(), "")
			answer := fmt.Sprintln(w.Code, w.Header(), body, hashed)
			if wantStatus := map[bool]int{true: http.StatusForbidden, false: http.StatusTooManyRequests}[n < 5]; w.Code != wantStatus {
				t.Errorf("%s, try %d: %d", name, n, w.Code)
			}
			if n != 0 && n != 5 {
				continue
			}
			if i == 0 {
				want += answer
			} else if !strings.Contains(want, answer) {
				t.Errorf("%s, try %d: %s\nwant one of %s", name, n, answer, want)
			}
		}
	}
	if a, b := nobodysVerifier(), newVerifier("x", false); a.Memory != b.Memory || a.Passes != b.Passes || a.Lanes != b.Lanes || len(a.Salt) != len(b.Salt) || len(a.Key) != len(b.Key) {
		t.Error("an unknown name's comparison costs something else")
	}
}

// TestNobodyLocksTheOwner: the bound on guesses at one person's app from everywhere stops neither their recovery codes nor their passkeys.
func TestNobodyLocksTheOwner(t *testing.T) {
	r, a, codes := withApp(t)
	at := r.authURL("console", r.consoleRedirect(), aVerifier, nil)
	stopped := false
	for i := 0; i < 30 && !stopped; i++ { // the password is known to many, each tries three codes
		r.source.set(fmt.Sprintf("203.0.113.%d", i))
		b := r.browser(t)
		_, page := b.signIn(at)
		for range 3 {
			resp, _ := b.second(page, "000000")
			stopped = stopped || resp.StatusCode == http.StatusTooManyRequests
		}
	}
	if !stopped {
		t.Error("guesses from everywhere go on")
	}
	r.source.set("192.0.2.1")
	b := r.browser(t)
	_, page := b.signIn(at)
	if resp, _ := b.second(page, codes[0]); codeOf(resp) == "" {
		t.Errorf("a recovery code: %d", resp.StatusCode)
	}
	r.clock.add(time.Minute)
	b = r.browser(t)
	_, page = b.signIn(at)
	if resp, _ := b.second(page, a.code()); codeOf(resp) == "" {
		t.Errorf("the app, a minute later: %d", resp.StatusCode)
	}
	if _, err := r.login().Password(t.Context(), "admin", "wrong", nil); !errors.Is(err, ErrWrongPassword) {
		t.Error(err)
	}
}

// TestThrottleRounding: a token that is missing by a rounding error is missing, and its taker waits.
func TestThrottleRounding(t *testing.T) {
	clock := newClock()
	th, each := newThrottle(clock.now), rateOf{1, 30 * time.Second}
	th.take("k", each)
	th.buckets["k"] = bucket{level: 0.9999999999999996, at: clock.now()}
	if wait := th.take("k", each); wait <= 0 {
		t.Errorf("taken, with %v", th.buckets["k"].level)
	}
}
