package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"naisen/sip/push/pushtest"
)

// TestPushConfig: the services of a configuration, their credentials from files; what is wrong with one is said without repeating it.
func TestPushConfig(t *testing.T) {
	apple, google, web := pushtest.NewAPNs(t), pushtest.NewFCM(t), pushtest.NewWebPush(t)
	dir := t.TempDir()
	file := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return "file:" + path
	}
	bad := file("bad", []byte("s3cret"))
	for _, c := range []struct {
		text  string
		names string // of the services
		field string // that is refused
	}{
		{"", "", ""},
		{"push: {apns: {key: '" + file("a", apple.Key) + "', key_id: " + apple.KeyID + ", team_id: " + apple.TeamID + ", topics: [jp.example.app]}}", "apns", ""},
		{"push: {fcm: {account: '" + file("f", google.Account) + "'}, web_push: {key: '" + file("w", web.Key) + "', contact: 'mailto:a@example.jp'}}", "fcm webpush", ""},
		{"push: {apns: {key: '" + bad + "', key_id: ABCDEFGHIJ, team_id: ABCDEFGHIJ, topics: [x]}}", "", "push.apns"},
		{"push: {apns: {key_id: ABCDEFGHIJ}}", "", "push.apns"},
		{"push: {fcm: {account: '" + bad + "'}}", "", "push.fcm"},
		{"push: {web_push: {contact: 'mailto:a@example.jp'}}", "", "push.web_push"},
	} {
		config, err := readConfig(strings.NewReader(c.text))
		if err != nil {
			t.Fatal(err)
		}
		providers, err := config.Push.providers()
		var names []string
		for _, p := range providers {
			names = append(names, p.Name())
		}
		switch {
		case c.field == "" && (err != nil || strings.Join(names, " ") != c.names):
			t.Errorf("%s: %v, %v", c.text, names, err)
		case c.field != "" && (err == nil || !strings.Contains(err.Error(), c.field) || strings.Contains(err.Error(), "s3cret") || config.Push.validate() == nil):
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

// TestWebPushGoesOutward: a push service that resolves to an address of ours is not connected to, though a telephone named it, its host is allowed and its
// certificate is believed.
func TestWebPushGoesOutward(t *testing.T) {
	asked := 0
	inside := httptest.NewUnstartedServer(http.NotFoundHandler())
	inside.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			asked++
		}
	}
	inside.StartTLS()
	base := inside.Client().Transport.(*http.Transport)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, inside.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := newStraight(base).RoundTrip(req); err == nil {
		resp.Body.Close()
		t.Errorf("answered %d from inside", resp.StatusCode)
	}
	inside.Close() // waits for what was served
	if asked != 0 {
		t.Errorf("connected %d times", asked)
	}
}
