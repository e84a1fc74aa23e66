package rest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"naisen/provisioning"
)

// fakeGuard is a switch with one alarm of its own and one in each domain.
type fakeGuard struct{}

func (fakeGuard) Alarms(string) []provisioning.Alarm {
	return []provisioning.Alarm{{Name: "disk-full", Active: true}, {Name: "foreign-spike", Domain: here}, {Name: "foreign-spike", Domain: there}} // leaky on purpose
}

func (fakeGuard) LimitState(domain, extension string, dial provisioning.DialQuery) (provisioning.LimitState, error) {
	s := provisioning.LimitState{Extension: extension, Rights: provisioning.DefaultRights(), Refused: []provisioning.RefusedCall{}}
	if dial.Number != "" {
		s.Dial = &provisioning.DialAnswer{Dialled: dial.Number, Class: "international", Why: "rights, from " + dial.From}
	}
	return s, nil
}

func TestAlarmsAndLimits(t *testing.T) {
	r := newRig(t)
	p := r.do(t, "aud+auditor", "GET", "/v1/alarms", "")
	if p.status != 200 || strings.Count(p.body, "foreign-spike") != 1 || !strings.Contains(p.body, "disk-full") || strings.Contains(p.body, there) {
		t.Errorf("alarms: %d %s", p.status, p.body)
	}
	for who, want := range map[string]int{"alice+staff": 200, "bob+staff": 404, "aud+auditor": 403, "tel+telephony": 200} {
		if p := r.do(t, who, "GET", base+"/extensions/2001/limits?dial=%2B442071838750", ""); p.status != want || want == 200 && !strings.Contains(p.body, `"dialled":"+442071838750"`) {
			t.Errorf("%s: %d %s, want %d", who, p.status, p.body, want)
		}
	}
	for from, want := range map[string]string{"": "from office", "&from=outside": "from outside", "&from=mobile": "from mobile", "&from=moon": "expected value to be one of"} {
		if p := r.do(t, admin, "GET", base+"/extensions/2001/limits?dial=119"+from, ""); !strings.Contains(p.body, want) {
			t.Errorf("%s: %d %s, want %s", from, p.status, p.body, want)
		}
	}
	if p := r.do(t, admin, "GET", base+"/extensions/2999/limits", ""); p.status != 404 {
		t.Errorf("unknown extension: %d", p.status)
	}
}

// TestRightsAndLimits over REST: stored, given back, and refused with the field's name.
func TestRightsAndLimits(t *testing.T) {
	r := newRig(t)
	body := `{"display":"a","rights":{"classes":["national","international"],"countries":["44"]},"limits":{"calls":4,"yen_per_day":-1}}`
	if p := r.do(t, admin, "PUT", base+"/extensions/2001", body); p.status != 200 || !strings.Contains(p.body, `"countries":["44"]`) || !strings.Contains(p.body, `"calls":4`) {
		t.Errorf("%d %s", p.status, p.body)
	}
	domain := `{"title":"x","rights":{"classes":["mobile"]},"limits":{"yen_per_day":100000},"extension_limits":{"calls":1},"tariffs":[{"class":"mobile","yen_per_minute":20.5}]}`
	if p := r.do(t, admin, "PUT", base, domain); p.status != 200 || !strings.Contains(p.body, `"yen_per_minute":20.5`) || !strings.Contains(p.body, `"classes":["mobile"]`) {
		t.Errorf("%d %s", p.status, p.body)
	}
	for body, field := range map[string]string{
		`{"rights":{"classes":["everything"]}}`: "rights.classes[0]", `{"limits":{"calls":-2}}`: "limits.calls", `{"rights":{"classes":["international"]}}`: "rights.countries",
	} {
		if p := r.do(t, admin, "PUT", base+"/extensions/2001", body); p.status != 422 || !strings.Contains(p.body, `"body.`+field+`"`) {
			t.Errorf("%s: %d %s, want %s", body, p.status, p.body, field)
		}
	}
	if p := r.do(t, "alice+staff", "PUT", base+"/extensions/2001", body); p.status != http.StatusForbidden {
		t.Errorf("staff opens its own rights: %d", p.status)
	}
}

// TestWebhooks: threats G8 at the door. The key is shown once and never again.
func TestWebhooks(t *testing.T) {
	r := newRig(t)
	p := r.do(t, admin, "PUT", base+"/webhooks/siem", `{"url":"https://siem.example.jp/in","events":["alarm.raised"]}`)
	if key, _ := p.json(t)["secret"].(string); p.status != 201 || len(key) < 20 {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "GET", base+"/webhooks/siem", ""); p.status != 200 || strings.Contains(p.body, "secret") {
		t.Errorf("read back: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "POST", base+"/webhooks/siem/secret", ""); p.status != 200 || p.json(t)["secret"] == "" {
		t.Errorf("new key: %d %s", p.status, p.body)
	}
	for _, url := range []string{"http://127.0.0.1:80/", "https://[::1]/", "https://169.254.169.254/", "https://2130706433/", "https://[::ffff:10.0.0.1]/", "http://siem.example.jp/"} {
		if p := r.do(t, admin, "PUT", base+"/webhooks/bad", fmt.Sprintf(`{"url":%q}`, url)); p.status != 422 || !strings.Contains(p.body, `"body.url"`) {
			t.Errorf("%s: %d %s", url, p.status, p.body)
		}
	}
	lab := newRig(t, func(c *Config) { c.LoopbackWebhooks = true })
	if p := lab.do(t, admin, "PUT", base+"/webhooks/lab", `{"url":"http://127.0.0.1:8081/"}`); p.status != 201 {
		t.Errorf("loopback in a laboratory: %d %s", p.status, p.body)
	}
	if p := r.do(t, "tel+telephony", "PUT", base+"/webhooks/siem", `{"url":"https://x.example.jp/"}`); p.status != 403 {
		t.Errorf("telephony writes a webhook: %d", p.status)
	}
}
