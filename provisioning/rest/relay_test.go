package rest

import (
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

type fakeRelay struct{}

func (fakeRelay) Grant(domain, extension string) provisioning.RelayGrant {
	return provisioning.RelayGrant{URLs: []string{"turn:192.0.2.1:3478"}, Username: "1:" + domain + "/" + extension, Credential: "the password", Expires: time.Unix(1, 0).UTC()}
}

// Who may call from an extension gets a way for its browser, nobody else; each grant is in the audit log, without the password, and there is none
// that is not.
func TestRelay(t *testing.T) {
	r := newRig(t)
	for who, want := range map[string]int{"alice+staff": 200, "bob+staff": 404, "aud+auditor": 403, "tel+telephony": 200, admin: 200} {
		p := r.do(t, who, "POST", base+"/extensions/2001/relay", "")
		if p.status != want || want == 200 != strings.Contains(p.body, `"username":"1:`+here+`/2001"`) || want != 200 && strings.Contains(p.body, "password") {
			t.Errorf("%s: %d %s, want %d", who, p.status, p.body, want)
		}
	}
	if p := r.do(t, admin, "POST", base+"/extensions/2999/relay", ""); p.status != 404 {
		t.Errorf("unknown extension: %d", p.status)
	}
	if p := r.do(t, admin, "PUT", base+"/extensions/2001", `{"disabled":true}`); p.status != 200 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "POST", base+"/extensions/2001/relay", ""); p.status != 404 {
		t.Errorf("disabled: %d", p.status)
	}
	log := r.do(t, admin, "GET", base+"/audit", "")
	if strings.Count(log.body, `"relay.grant"`) < 3 || strings.Contains(log.body, "the password") || strings.Contains(r.log.String(), "the password") {
		t.Errorf("audit: %d %.2000s", log.status, log.body)
	}
	var full *fullStore
	r = newRig(t, func(c *Config) { full = &fullStore{Store: c.Store}; c.Store = full })
	full.full.Store(true)
	if p := r.do(t, admin, "POST", base+"/extensions/2001/relay", ""); p.status != 500 || strings.Contains(p.body, "password") {
		t.Errorf("without an entry: %d %s", p.status, p.body)
	}
}
