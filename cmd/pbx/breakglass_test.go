package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"naisen/provisioning"
)

// visitor is a browser in front of the identity service's handler, whatever address that says it has.
type visitor struct {
	t       *testing.T
	h       http.Handler
	cookies map[string]*http.Cookie
}

// send follows redirects inside the service.
func (v *visitor) send(method, at string, form url.Values) *httptest.ResponseRecorder {
	v.t.Helper()
	for range 5 {
		req := httptest.NewRequestWithContext(v.t.Context(), method, at, strings.NewReader(form.Encode()))
		if method == http.MethodPost {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for _, c := range v.cookies {
			req.AddCookie(c)
		}
		w := httptest.NewRecorder()
		v.h.ServeHTTP(w, req)
		for _, c := range w.Result().Cookies() {
			v.cookies[c.Name] = c
		}
		to := w.Header().Get("Location")
		if to == "" || strings.Contains(to, "code=") {
			return w
		}
		method, at, form = http.MethodGet, to, nil
	}
	v.t.Fatal("redirects without end")
	return nil
}

// fill sends the page's form with more fields.
func (v *visitor) fill(page *httptest.ResponseRecorder, fields map[string]string) *httptest.ResponseRecorder {
	v.t.Helper()
	action := regexp.MustCompile(`action="([^"]+)"`).FindStringSubmatch(page.Body.String())
	if action == nil {
		v.t.Fatalf("no form: %d %s", page.Code, page.Body)
	}
	form := url.Values{}
	for _, m := range regexp.MustCompile(`type="hidden" name="([^"]+)" value="([^"]*)"`).FindAllStringSubmatch(page.Body.String(), -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	for k, x := range fields {
		form.Set(k, x)
	}
	return v.send(http.MethodPost, action[1], form)
}

const (
	cliBack     = "http://127.0.0.1:1/callback"
	cliVerifier = "0123456789012345678901234567890123456789abc"
)

// signIn begins as `pbx login` does and shows a password.
func (l *lab) signIn(user, password string) (*visitor, *httptest.ResponseRecorder) {
	l.t.Helper()
	v := &visitor{l.t, l.p.identity.Handler(), map[string]*http.Cookie{}}
	challenge := sha256.Sum256([]byte(cliVerifier))
	q := url.Values{"client_id": {"pbx-cli"}, "redirect_uri": {cliBack}, "response_type": {"code"}, "scope": {"openid naisen"}, "state": {"s"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"}}
	return v, v.fill(v.send(http.MethodGet, l.p.identity.Path()+"/authorize?"+q.Encode(), nil), map[string]string{"user": user, "password": password})
}

// token redeems the code that a sign-in ended with.
func (v *visitor) token(path string, end *httptest.ResponseRecorder) string {
	v.t.Helper()
	to, err := url.Parse(end.Header().Get("Location"))
	if err != nil || to.Query().Get("code") == "" {
		v.t.Fatalf("no code: %d %s", end.Code, end.Body)
	}
	w := v.send(http.MethodPost, path+"/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {"pbx-cli"}, "redirect_uri": {cliBack},
		"code": {to.Query().Get("code")}, "code_verifier": {cliVerifier}})
	var m struct {
		Access string `json:"access_token"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil || m.Access == "" {
		v.t.Fatalf("%d %s", w.Code, w.Body)
	}
	return m.Access
}

// rest asks the switch's API.
func (l *lab) rest(token, path string) int { return l.ask(http.MethodGet, token, path) }

func (l *lab) ask(method, token, path string) int {
	l.t.Helper()
	req, err := http.NewRequestWithContext(l.t.Context(), method, "http://"+l.p.http.addr.String()+path, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func (l *lab) alarmed(name string) bool {
	return slices.ContainsFunc(l.p.alarms.Alarms(l.p.config.Domain), func(a provisioning.Alarm) bool { return a.Name == name && a.Active && a.Text != "" && a.English != "" })
}

// TestBreakGlassBesideAnIssuer: with an organisation's issuer nobody signs in at the embedded service but the break-glass account. Its use is an alarm at
// once, and waits for a review.
func TestBreakGlassBesideAnIssuer(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(c *Config) {
		c.Identity.Issuer = "https://id.example.jp"
		c.Identity.StepUp = &StepUpConfig{ACR: []string{"urn:elsewhere:two-factors"}, AMR: []string{"hwk"}}
	})
	if !l.p.first.Admin.IsZero() || l.p.first.Sealed.IsZero() {
		t.Fatal("the first run makes the break-glass account, and no administrator with a password")
	}
	if _, page := l.signIn("admin", "correct horse battery"); page.Code != http.StatusForbidden {
		t.Errorf("somebody else: %d", page.Code)
	}
	if l.alarmed("break-glass-account") {
		t.Error("alarm before")
	}
	v, page := l.signIn(provisioning.SealedAccount, l.p.first.Sealed.Reveal())
	if page.Code != http.StatusOK || !l.alarmed("break-glass-account") || len(l.p.archive.reviews.waiting()) != 1 {
		t.Fatalf("%d, alarm %v, %d reviews: %s", page.Code, l.alarmed("break-glass-account"), len(l.p.archive.reviews.waiting()), page.Body)
	}
	token := v.token(l.p.identity.Path(), v.fill(page, map[string]string{"who": "田中", "reason": "認証基盤の障害"}))
	if got := l.rest(token, "/v1/domains/"+l.p.config.Domain+"/users"); got != http.StatusOK {
		t.Errorf("with its token: %d", got)
	}
	if got := l.ask(http.MethodDelete, token, "/v1/domains/"+l.p.config.Domain+"/users/nobody"); got != http.StatusNotFound { // 401: shut out by step-up
		t.Errorf("what step-up guards: %d", got)
	}
	if got := l.rest(token, "/v1/domains/"+l.p.config.Domain+"/recordings"); got != http.StatusOK && got != http.StatusForbidden {
		t.Errorf("recordings: %d", got)
	}
	again, err := openReviews(t.Context(), l.p.store, l.p.alarms)
	if err != nil || len(again.waiting()) != 1 {
		t.Errorf("after a restart: %v", err)
	}
	var uses []provisioning.EmergencySignIn
	if err := l.p.store.View(t.Context(), func(r provisioning.Reader) (err error) {
		uses, err = provisioning.List[provisioning.EmergencySignIn](r, l.p.config.Domain, "", 0)
		return err
	}); err != nil || len(uses) != 1 || uses[0].Who != "田中" {
		t.Fatalf("%+v %v", uses, err)
	}
	closed, err := uses[0].Close(l.p.config.Domain, "kansa@"+l.p.config.Domain, "確認済み", uses[0].At)
	if err != nil {
		t.Fatal(err)
	}
	l.p.archive.reviews.emergency(l.p.config.Domain, closed)
	if n := len(l.p.archive.reviews.waiting()); n != 0 {
		t.Errorf("%d reviews wait after it", n)
	}
}

// TestSealCommand: the command beside a running switch gives the account another credential; the one of before is worth nothing.
func TestSealCommand(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	file := filepath.Join(t.TempDir(), "pbx.yaml")
	if err := os.WriteFile(file, []byte("data: "+l.p.config.Data+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, complaints bytes.Buffer
	if code := run(t.Context(), []string{"break-glass", "seal", "--config", file}, &out, &complaints); code != 0 {
		t.Fatalf("%d %s", code, complaints.String())
	}
	m := regexp.MustCompile(`Credential: ([a-z2-9-]{29})\n`).FindStringSubmatch(out.String())
	if m == nil {
		t.Fatal(out.String())
	}
	if _, page := l.signIn(provisioning.SealedAccount, l.p.first.Sealed.Reveal()); page.Code != http.StatusForbidden {
		t.Errorf("the old one: %d", page.Code)
	}
	if _, page := l.signIn(provisioning.SealedAccount, m[1]); page.Code != http.StatusOK || !l.alarmed("break-glass-account") {
		t.Errorf("the new one: %d", page.Code)
	}
	if err := l.p.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return provisioning.Delete[provisioning.User](w, l.p.config.Domain, provisioning.SealedAccount, "")
	}); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if code := run(t.Context(), []string{"break-glass", "seal", "--config", file}, &out, &complaints); code != 0 {
		t.Fatalf("where there is none: %d %s", code, complaints.String())
	}
	m = regexp.MustCompile(`Credential: ([a-z2-9-]{29})\n`).FindStringSubmatch(out.String())
	if _, page := l.signIn(provisioning.SealedAccount, m[1]); page.Code != http.StatusOK {
		t.Errorf("one that the command made: %d", page.Code)
	}
	if l.p.approvals.sweep(t.Context()); len(l.p.approvals.troubled()) > 0 {
		t.Errorf("taken for an edit past the program: %v", l.p.approvals.troubled())
	}
	if code := run(t.Context(), []string{"break-glass", "seal", "--config", file, "--domain", "nowhere.example"}, &out, &complaints); code == 0 {
		t.Error("in a domain that there is not")
	}
}
