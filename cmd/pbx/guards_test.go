package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/webhook"
	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/siptest"
)

// TestAlarmReachesEverybody: threats B11 in the whole switch. Calls that a limit refused, the limit having been set a moment before, are an
// alarm on the metric, in the list and at the webhook, whose signature is right.
func TestAlarmReachesEverybody(t *testing.T) {
	const key = "a key that only both know"
	got := make(chan string, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		at, sig, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Naisen-Signature"), "t="), ",v1=")
		if sig != webhook.Sign(key, at, b) {
			t.Errorf("signature %q of %s", r.Header.Get("Naisen-Signature"), b)
		}
		got <- string(b)
	}))
	defer srv.Close()
	l := newLab(t, func(c *Config) { c.Webhooks.Loopback = true })
	l.put(provisioning.Webhook{Name: "lab", URL: srv.URL + "/alarms", Events: []string{provisioning.EventAlarmRaised}},
		provisioning.Extension{Number: "2001", Display: "Extension 2001", AllowMD5: true, Limits: &provisioning.Limits{YenPerDay: 1}})
	err := (liveStore{l.p.store, l.p.directory, l.p.log}).Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return w.PutSecret(l.p.config.Domain, provisioning.SecretWebhook, "lab", []byte(key))
	})
	if err != nil {
		t.Fatal(err)
	}
	alice := l.phone("2001", netip.MustParseAddr("127.0.0.1"))
	inv := l.authorised(alice, callTo(alice, "09012345678"))
	alice.Ack(inv, alice.ExpectStatus(403, "INVITE"))

	var e struct {
		Event, Domain string
		Data          provisioning.Alarm
	}
	select {
	case b := <-got:
		if err := json.Unmarshal([]byte(b), &e); err != nil || e.Event != "alarm.raised" || e.Domain != l.p.config.Domain || e.Data.Name != "limit-yen_per_day" ||
			e.Data.Object != "2001" || !e.Data.Active || e.Data.Text == "" {
			t.Errorf("%s (%v)", b, err)
		}
	case <-time.After(10 * time.Second): // the bound of B11 itself
		t.Fatal("no webhook within 10 s")
	}
	if list := l.p.alarms.Alarms(l.p.config.Domain); len(list) != 1 || list[0].Name != "limit-yen_per_day" {
		t.Errorf("%+v", list)
	}
	page := httptest.NewRecorder()
	l.p.metricsHandler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range []string{`naisen_alarm{name="limit-yen_per_day"} 1`, `naisen_alarm{name="disk-full"} 0`, `naisen_shed_calls_total 0`} {
		if !strings.Contains(page.Body.String(), line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
}

// TestRefusedCallsComeBackApart: 503 has a time to come back that is not the same for all.
func TestRefusedCallsComeBackApart(t *testing.T) {
	d := twoDomains(t)
	w := newDesk(t, d)
	w.s.calls.Refuse()
	seen := map[string]bool{}
	ph := w.net.Phone(t, "phone", netip.MustParseAddrPort("192.0.2.20:5060"), w.at)
	ph.Domain, ph.Name, ph.Auth = "a.example", "2002", siptest.Digest("2002", "2002a.example")
	for range 12 {
		r := ph.NewRequest("INVITE", "2001")
		r.URI = sip.URI{Scheme: "sip", User: "2001", Host: "a.example"}
		if _, resp := ph.Do(r); resp.Status == 503 {
			seen[resp.Get("Retry-After")] = true
		}
	}
	if len(seen) < 3 {
		t.Errorf("only %v", seen)
	}
}
