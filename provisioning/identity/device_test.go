package identity

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// wire answers requests without a network, so that time is the test's.
type wire func(*http.Request) (status int, body any)

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	status, body := w(r)
	b, err := json.Marshal(body)
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(string(b))), Request: r}, err
}

type object = map[string]any

// deviceIssuer answers the device grant: first is its answer to the authorization request, then come those to the polls; the last stays.
func deviceIssuer(t *testing.T, first object, polls []string, times *[]time.Duration) Login {
	const issuer = "https://idp.example"
	start := time.Now()
	n := 0
	return Login{Issuer: issuer, ClientID: "cli", StepUp: Requirement{ACR: []string{"mfa"}}, HTTP: &http.Client{Transport: wire(func(r *http.Request) (int, any) {
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			doc := object{"issuer": issuer, "authorization_endpoint": issuer + "/auth", "token_endpoint": issuer + "/token"}
			if first != nil {
				doc["device_authorization_endpoint"] = issuer + "/device"
			}
			return 200, doc
		case "/device":
			if r.FormValue("client_id") != "cli" || r.FormValue("scope") != "openid offline_access naisen" || r.FormValue("acr_values") != "mfa" {
				t.Errorf("asked: %v", r.Form)
			}
			return 200, first
		}
		*times = append(*times, time.Since(start).Round(time.Second))
		if r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:device_code" || r.FormValue("device_code") != "dc" || r.FormValue("client_id") != "cli" {
			t.Errorf("polled: %v", r.Form)
		}
		answer := polls[min(n, len(polls)-1)]
		n++
		if answer != "" {
			return 400, object{"error": answer}
		}
		return 200, object{"access_token": "at", "refresh_token": "rt", "token_type": "Bearer", "expires_in": 600}
	})}}
}

// TestDevice: RFC 8628 from the command line: when it asks, how it ends, and what of the issuer's answer is shown.
func TestDevice(t *testing.T) {
	good := func(change object) object {
		o := object{"device_code": "dc", "user_code": "WDJB-MJHT", "verification_uri": "https://idp.example/device", "verification_uri_complete": "https://idp.example/device?user_code=WDJB-MJHT", "expires_in": 300, "interval": 2}
		for k, v := range change {
			o[k] = v
		}
		return o
	}
	const pending = "authorization_pending"
	for _, c := range []struct {
		name  string
		first object
		polls []string
		fails bool
		last  time.Duration // of the polls; 0: none came
		shown string
	}{
		{name: "signed in", first: good(nil), polls: []string{pending, pending, ""}, last: 6 * time.Second},
		{name: "slower", first: good(nil), polls: []string{"slow_down", pending, ""}, last: 16 * time.Second}, // 2, then each 7
		{name: "five seconds when it does not say", first: good(object{"interval": nil}), polls: []string{""}, last: 5 * time.Second},
		{name: "no hammering", first: good(object{"interval": -5}), polls: []string{""}, last: time.Second},
		{name: "no sleeping", first: good(object{"interval": 100000}), polls: []string{""}, last: time.Minute},
		{name: "said no", first: good(nil), polls: []string{pending, "access_denied"}, fails: true, last: 4 * time.Second},
		{name: "ran out", first: good(nil), polls: []string{"expired_token"}, fails: true, last: 2 * time.Second},
		{name: "nobody came", first: good(object{"expires_in": 5}), polls: []string{pending}, fails: true, last: 4 * time.Second},
		{name: "waits half an hour at most", first: good(object{"expires_in": nil, "interval": 59}), polls: []string{pending}, fails: true, last: 29*time.Minute + 30*time.Second},
		{name: "complete leads elsewhere", first: good(object{"verification_uri_complete": "https://evil.example/?x"}), polls: []string{""}, last: 2 * time.Second, shown: "WDJB-MJHT https://idp.example/device "},
		{name: "not offered", fails: true},
		{name: "no code", first: good(object{"user_code": ""}), fails: true},
		{name: "code that moves the cursor", first: good(object{"user_code": "A\x1b[2J"}), fails: true},
		{name: "long code", first: good(object{"user_code": strings.Repeat("A", 65)}), fails: true},
		{name: "no device code", first: good(object{"device_code": ""}), fails: true},
		{name: "page without TLS", first: good(object{"verification_uri": "http://idp.example/device"}), fails: true},
		{name: "script", first: good(object{"verification_uri": "javascript:alert(1)"}), fails: true},
		{name: "address that moves the cursor", first: good(object{"verification_uri_complete": "https://idp.example/device\r\nx"}), fails: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var times []time.Duration
				shown := ""
				tok, err := deviceIssuer(t, c.first, c.polls, &times).Device(t.Context(), func(at, code, complete string) error {
					shown = code + " " + at + " " + complete
					return nil
				})
				if c.fails != errors.Is(err, ErrLogin) || c.fails != (tok.Access == "") || !c.fails && (err != nil || tok.Refresh != "rt") {
					t.Fatalf("%v %v", err, tok.Access)
				}
				if c.last == 0 && (len(times) > 0 || shown != "") {
					t.Errorf("shown %q, polled %v", shown, times)
				} else if c.last > 0 && (len(times) == 0 || times[len(times)-1] != c.last) {
					t.Errorf("polled after %v, want the last after %s", times, c.last)
				}
				if want := cmp.Or(c.shown, "WDJB-MJHT https://idp.example/device https://idp.example/device?user_code=WDJB-MJHT"); c.last > 0 && shown != want {
					t.Errorf("shown %q, want %q", shown, want)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // given up by whoever asked
		var times []time.Duration
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		_, err := deviceIssuer(t, good(nil), []string{pending}, &times).Device(ctx, func(string, string, string) error { return nil })
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrLogin) || len(times) != 4 {
			t.Errorf("%v after %v", err, times)
		}
	})
}

// hasty asks a service that would be asked each five seconds each second: the test does not wait.
type hasty struct{ http.RoundTripper }

func (h hasty) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := h.RoundTripper.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.URL.Path, "/device_authorization") {
		b, readErr := io.ReadAll(resp.Body)
		resp.Body.Close()
		resp.Body, err = io.NopCloser(strings.NewReader(strings.Replace(string(b), `"interval":5`, `"interval":1`, 1))), readErr
	}
	return resp, err
}

// TestDeviceAtOurs: `pbx login --device` at the embedded service, whose person has a browser elsewhere.
func TestDeviceAtOurs(t *testing.T) {
	r := withAdmin(t)
	l := r.login()
	l.HTTP = &http.Client{Transport: hasty{l.HTTP.Transport}}
	tok, err := l.Device(t.Context(), func(at, code, complete string) error {
		if !strings.HasPrefix(complete, at+"?") || !strings.Contains(complete, code) {
			t.Errorf("%s %s %s", at, code, complete)
		}
		r.browser(t).decide(at, code, true)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := ask(r.verify, tok.Access); err != nil || tok.Refresh == "" {
		t.Errorf("%v", err)
	}
	if _, err := l.Device(t.Context(), func(at, code, _ string) error { r.browser(t).decide(at, code, false); return nil }); !errors.Is(err, ErrLogin) {
		t.Errorf("refused: %v", err)
	}
}
