package rest

import (
	"strings"
	"testing"
)

// TestDevices: staff see their own telephones, and say which of them rings when.
func TestDevices(t *testing.T) {
	r := newRig(t)
	for who, want := range map[string]int{"alice+staff": 200, "bob+staff": 404, "tel+telephony": 200, "aud+auditor": 403} {
		p := r.do(t, who, "GET", base+"/extensions/2001/devices", "")
		if p.status != want {
			t.Errorf("%s: %d, want %d", who, p.status, want)
		}
		if want == 200 && !strings.Contains(p.body, `{"instance":"urn:uuid:aa","user_agent":"Desk 1","q":0.5,"transport":"tls"`) {
			t.Errorf("%s sees %s", who, p.body)
		}
	}
	if p := r.do(t, admin, "GET", base+"/extensions/2002/devices", ""); p.status != 200 || !strings.Contains(p.body, `"items":[]`) {
		t.Errorf("without a telephone: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "GET", base+"/extensions/2999/devices", ""); p.status != 404 {
		t.Errorf("no extension: %d", p.status)
	}
	set := func(ring string) string { return `{"ring":` + ring + `}` }
	r.refuses(t, []refused{
		{"/settings/2001", set(`{"mode":"shuffled"}`), "ring.mode", "must be one of"},
		{"/settings/2001", set(`{"seconds":10}`), "ring.seconds", "belongs to in-order"},
		{"/settings/2001", set(`{"mode":"in-order","seconds":4}`), "ring.seconds", "5 to 120"},
		{"/settings/2001", set(`{"devices":[{"delay_seconds":5}]}`), "ring.devices[0]", "exactly one"},
		{"/settings/2001", set(`{"devices":[{"instance":"urn:uuid:aa","user_agent":"Desk","delay_seconds":5}]}`), "ring.devices[0]", "exactly one"},
		{"/settings/2001", set(`{"devices":[{"instance":"urn uuid","delay_seconds":5}]}`), "ring.devices[0].instance", "URN"},
		{"/settings/2001", set(`{"devices":[{"instance":"urn:uuid:aa"}]}`), "ring.devices[0].delay_seconds", "1 to 59"},
		{"/settings/2001", set(`{"devices":[{"instance":"urn:uuid:aa","delay_seconds":60}]}`), "ring.devices[0].delay_seconds", "1 to 59"},
		{"/settings/2001", `{"forward":{"no_answer":{"extension":"2002"}},"ring":{"devices":[{"user_agent":"Mobile","delay_seconds":20}]}}`, "ring.devices[0].delay_seconds", "1 to 19"},
		{"/settings/2001", set(`{"mode":"in-order","devices":[{"instance":"urn:uuid:aa","delay_seconds":5}]}`), "ring.devices[0].delay_seconds", "belongs to together"},
		{"/settings/2001", set(`{"mode":"in-order","devices":[{"instance":"urn:uuid:aa"},{"instance":"<URN:UUID:AA>"}]}`), "ring.devices[1]", "named by an entry before"},
		{"/settings/2001", set(`{"mode":"in-order","devices":[{"user_agent":"Desk"},{"user_agent":"desk 2"}]}`), "ring.devices[1]", "named by an entry before"},
		{"/settings/2001", `{"mobile":{"number":"119"}}`, "mobile.number", "emergency"},
		{"/settings/2001", `{"mobile":{"number":"*72"}}`, "mobile.number", "digits"},
		{"/settings/2001", `{"mobile":{"number":"09012345678","delay_seconds":60}}`, "mobile.delay_seconds", "0 to 59"},
		{"/settings/2001", `{"forward":{"no_answer":{"extension":"2002"},"seconds":10},"mobile":{"number":"09012345678","delay_seconds":10}}`, "mobile.delay_seconds", "0 to 9"},
		{"/settings/2001", `{"mobile":{"number":"09012345678","hours":[{"days":["mon"],"from":"18:00","to":"09:00"}]}}`, "mobile.hours[0].to", "after from"},
	})
	const own = `"mobile":{"number":"09012345678","delay_seconds":5,"hours":[{"days":["mon"],"from":"08:30","to":"17:15"}],"no_holidays":true}`
	if p := r.do(t, "alice+staff", "PUT", base+"/settings/2001", "{"+own+"}"); p.status != 201 || !strings.Contains(p.body, own) {
		t.Errorf("a mobile by its owner: %d %s", p.status, p.body)
	}
	if p := r.do(t, "alice+staff", "DELETE", base+"/settings/2001", ""); p.status != 204 {
		t.Errorf("DELETE: %d %s", p.status, p.body)
	}
	const body = `{"ring":{"mode":"in-order","seconds":10,"devices":[{"instance":"urn:uuid:aa"},{"user_agent":"Desk"}]}}`
	if p := r.do(t, "alice+staff", "PUT", base+"/settings/2001", body); p.status != 201 || !strings.Contains(p.body, strings.Trim(body, "{}")) {
		t.Errorf("by its owner: %d %s", p.status, p.body)
	}
	if p := r.do(t, "bob+staff", "PUT", base+"/settings/2001", body); p.status != 404 {
		t.Errorf("by somebody else: %d", p.status)
	}
}
