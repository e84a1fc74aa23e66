package identity

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// wish is what a program asks to be signed in by somebody elsewhere.
type wish struct {
	Device   string `json:"device_code"`
	User     string `json:"user_code"`
	At       string `json:"verification_uri"`
	Complete string `json:"verification_uri_complete"`
	Expires  int    `json:"expires_in"`
	Interval int    `json:"interval"`
}

func (r *rig) postJSON(t *testing.T, path string, form url.Values, into any) int {
	t.Helper()
	resp, err := r.client(nil).PostForm(r.server.URL+"/identity/"+path, form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%d %s", resp.StatusCode, b)
	}
	return resp.StatusCode
}

func (r *rig) wish(t *testing.T, extra url.Values) (w wish) {
	t.Helper()
	form := url.Values{"client_id": {"pbx-cli"}, "scope": {"openid offline_access root"}}
	for k, v := range extra {
		form[k] = v
	}
	if status := r.postJSON(t, "device_authorization", form, &w); status != http.StatusOK || w.Device == "" {
		t.Fatalf("%d %+v", status, w)
	}
	return w
}

// ask is the device's question; the error's name, or "" and the answer.
func (r *rig) ask(t *testing.T, w wish, client string) (string, map[string]any) {
	t.Helper()
	var m map[string]any
	status := r.postJSON(t, "token", url.Values{"grant_type": {deviceGrant}, "client_id": {client}, "device_code": {w.Device}}, &m)
	name, _ := m["error"].(string)
	if (status == http.StatusOK) != (name == "") {
		t.Fatalf("%d %v", status, m)
	}
	return name, m
}

func (r *rig) wantAsk(t *testing.T, w wish, want string) {
	t.Helper()
	if got, m := r.ask(t, w, "pbx-cli"); got != want {
		t.Errorf("%q %v, want %q", got, m, want)
	}
}

// decide opens the device's page with a code, signs in and answers; it gives the page that asked.
func (b *browser) decide(at, code string, allow bool) (asked, said string) {
	b.t.Helper()
	_, page := b.visit(at)
	p := b.formOn(page)
	p.values.Set("user_code", code)
	resp, page := b.post(p)
	if resp.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("%d %s", resp.StatusCode, page)
	}
	_, page = b.visit(location(b.t, resp).String())
	if p := b.formOn(page); p.asks("password") {
		p.values.Set("user", "admin")
		p.values.Set("password", newSecret)
		_, page = b.post(p)
	}
	asked = page
	p = b.formOn(page)
	if allow {
		p.values.Set("allow", "1")
	}
	resp, said = b.post(p)
	if resp.StatusCode != http.StatusOK {
		b.t.Fatalf("%d %s", resp.StatusCode, said)
	}
	return asked, said
}

func location(t *testing.T, resp *http.Response) *url.URL {
	t.Helper()
	u, err := resp.Location()
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestDeviceGrant: RFC 8628 from the device's wish to its tokens, which are given once.
func TestDeviceGrant(t *testing.T) {
	r := withAdmin(t)
	r.source.set("203.0.113.9")
	w := r.wish(t, nil)
	if w.At != r.server.URL+"/identity/device" || w.Complete != w.At+"?user_code="+w.User || w.Expires != 600 || w.Interval != 5 || len(w.User) != 9 {
		t.Errorf("%+v", w)
	}
	r.wantAsk(t, w, "authorization_pending")
	r.wantAsk(t, w, "slow_down")
	r.clock.add(6 * time.Second)
	r.wantAsk(t, w, "slow_down") // the interval grew
	r.clock.add(16 * time.Second)
	r.wantAsk(t, w, "authorization_pending")
	if name, _ := r.ask(t, w, "console"); name != "invalid_grant" && name != "unauthorized_client" {
		t.Errorf("another client: %q", name)
	}
	r.source.set("192.0.2.1")
	asked, said := r.browser(t).decide(w.Complete, " "+strings.ToLower(w.User[:4])+" "+w.User[5:], true)
	for _, want := range []string{w.User, "203.0.113.9", "pbx", "admin@" + testDomain, "to stay signed in"} {
		if !strings.Contains(asked, want) {
			t.Errorf("the page does not say %q: %s", want, asked)
		}
	}
	if strings.Contains(asked, "<li>It asks for: root") || !strings.Contains(said, "signed in") {
		t.Errorf("%s %s", asked, said)
	}
	name, m := r.ask(t, w, "pbx-cli")
	if name != "" || m["scope"] != "openid offline_access" {
		t.Fatalf("%q %v", name, m)
	}
	s, err := r.verify.Verify(t.Context(), m["access_token"].(string))
	if err != nil || s.User != "admin" || s.Client != "pbx-cli" || s.ACR != ACRPassword {
		t.Errorf("%+v %v", s, err)
	}
	if _, err := r.login().Refresh(t.Context(), m["refresh_token"].(string)); err != nil {
		t.Error(err)
	}
	r.wantAsk(t, w, "invalid_grant")
	entries := r.store.entries("sign-in.device")
	if len(entries) != 1 || entries[0].Outcome != "ok" || entries[0].Detail["device"] != "203.0.113.9" || entries[0].Source != "192.0.2.1" {
		t.Errorf("%+v", entries)
	}
}

// TestDeviceRefused: by the person, by time, by whoever may not; and a code is for one decision.
func TestDeviceRefused(t *testing.T) {
	r := withAdmin(t)
	b := r.browser(t)
	w := r.wish(t, nil)
	if _, said := b.decide(w.At, w.User, false); !strings.Contains(said, "refused") {
		t.Error(said)
	}
	r.wantAsk(t, w, "access_denied")

	w = r.wish(t, nil)
	_, page := b.visit(w.Complete)
	r.clock.add(deviceTTL + time.Second)
	r.wantAsk(t, w, "expired_token")
	p := b.formOn(page)
	p.values.Set("user_code", w.User)
	if resp, _ := b.post(p); resp.StatusCode != http.StatusBadRequest && resp.StatusCode != http.StatusForbidden {
		t.Errorf("late: %d", resp.StatusCode)
	}

	w = r.wish(t, nil)
	b.decide(w.At, w.User, true)
	if err := r.EndSessions(t.Context(), provisioning.Subject{System: true}, testDomain, "admin", "test"); err != nil {
		t.Fatal(err)
	}
	r.wantAsk(t, w, "invalid_grant") // what was allowed and not fetched ended with the sessions

	w = r.wish(t, nil)
	b.decide(w.At, w.User, true)
	r.store.put(testDomain, provisioning.User{Name: "admin", Disabled: true})
	r.wantAsk(t, w, "invalid_grant")

	var m map[string]any
	if status := r.postJSON(t, "device_authorization", url.Values{"client_id": {"console"}}, &m); status != http.StatusBadRequest || m["error"] != "unauthorized_client" {
		t.Errorf("a client that may not: %d %v", status, m)
	}
	if status := r.postJSON(t, "device_authorization", url.Values{"client_id": {"pbx-cli"}, "acr_values": {"urn:elsewhere"}}, &m); status != http.StatusBadRequest ||
		m["error"] != "unmet_authentication_requirements" {
		t.Errorf("an unknown class: %d %v", status, m)
	}
}

// TestDevicePages: no decision without the page's own token and the browser that it was shown to; guesses at codes are slowed by source.
func TestDevicePages(t *testing.T) {
	r := withAdmin(t)
	w := r.wish(t, nil)
	b := r.browser(t)
	_, page := b.visit(w.At)
	p := b.formOn(page)
	p.values.Set("user_code", w.User)
	if resp, _ := r.browser(t).post(p); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("another browser: %d", resp.StatusCode)
	}
	if resp, _ := b.post(p, "Sec-Fetch-Site: cross-site"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("another site: %d", resp.StatusCode)
	}
	token := p.values.Get("csrf")
	p.values.Set("csrf", "x")
	if resp, _ := b.post(p); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("no token: %d", resp.StatusCode)
	}
	p.values.Set("csrf", token)
	p.values.Set("user_code", "BBBB-BBBB")
	var got []int
	for range 7 {
		resp, _ := b.post(p)
		got = append(got, resp.StatusCode)
	}
	for i, status := range got {
		if want := map[bool]int{true: http.StatusForbidden, false: http.StatusTooManyRequests}[i < 5]; status != want {
			t.Errorf("guess %d: %d, want %d", i, status, want)
		}
	}
	r.source.set("198.51.100.1")
	if _, said := r.browser(t).decide(w.At, w.User, true); !strings.Contains(said, "signed in") {
		t.Errorf("the owner elsewhere: %s", said)
	}
	r.wantAsk(t, w, "")
}

// TestDeviceStepUp: a device asks for a second factor, and waits until the person has one.
func TestDeviceStepUp(t *testing.T) {
	r, a, _ := withApp(t)
	w := r.wish(t, url.Values{"acr_values": {ACRMFA}})
	b := r.browser(t)
	_, page := b.visit(w.Complete)
	p := b.formOn(page)
	resp, _ := b.post(p)
	_, page = b.visit(location(t, resp).String())
	p = b.formOn(page)
	p.values.Set("user", "admin")
	p.values.Set("password", newSecret)
	_, page = b.post(p)
	_, page = b.second(page, a.code())
	p = b.formOn(page)
	p.values.Set("allow", "1")
	if resp, body := b.post(p); resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	_, m := r.ask(t, w, "pbx-cli")
	s, err := r.verify.Verify(t.Context(), m["access_token"].(string))
	if err != nil || s.ACR != ACRMFA {
		t.Errorf("%+v %v", s, err)
	}
}

// TestDevicesAreBounded: the oldest that waits goes first.
func TestDevicesAreBounded(t *testing.T) {
	clock := newClock()
	s := newDevices(clock.now)
	first, _, err := s.add(device{client: "pbx-cli"})
	if err != nil {
		t.Fatal(err)
	}
	for range maxDevices {
		clock.add(time.Millisecond)
		if _, _, err := s.add(device{client: "pbx-cli"}); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.byCode) != maxDevices || len(s.byUser) != maxDevices {
		t.Errorf("%d, %d", len(s.byCode), len(s.byUser))
	}
	if _, err := s.poll(first, "pbx-cli"); err != errDeviceUnknown {
		t.Errorf("the oldest: %v", err)
	}
}
