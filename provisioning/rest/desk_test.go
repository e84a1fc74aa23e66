package rest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// desk is a domain in which people have set something.
func desk(t *testing.T, put map[string]string) *rig {
	t.Helper()
	r := newRig(t)
	for _, n := range []string{"2003", "2004"} {
		if p := r.do(t, admin, "PUT", base+"/extensions/"+n, `{}`); p.status != 201 {
			t.Fatalf("extension %s: %d", n, p.status)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(put)) { // so that what is named comes before who names it
		if p := r.do(t, admin, "PUT", base+path, put[path]); p.status != 201 {
			t.Fatalf("%s: %d %s", path, p.status, p.body)
		}
	}
	return r
}

// refused says which body is refused for which field, and with which words.
type refused struct{ path, body, field, reason string }

func (r *rig) refuses(t *testing.T, cases []refused) {
	t.Helper()
	for _, c := range cases {
		p := r.do(t, admin, "PUT", base+c.path, c.body)
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `"body.`+c.field+`"`) || !strings.Contains(p.body, c.reason) {
			t.Errorf("%s %s: %d %s\nwant 422 with %s %q", c.path, c.body, p.status, p.body, c.field, c.reason)
		}
		if got := r.do(t, admin, "GET", base+c.path, ""); got.status == 200 && got.body == c.body {
			t.Errorf("%s was stored", c.path)
		}
	}
}

func TestSettings(t *testing.T) {
	r := desk(t, map[string]string{"/settings/2003": `{"forward":{"always":{"extension":"2004"}}}`})
	r.refuses(t, []refused{
		{"/settings/2001", `{"forward":{"always":{"extension":"2001"}}}`, "forward.always.extension", "is the extension itself"},
		{"/settings/2001", `{"forward":{"busy":{"extension":"2999"}}}`, "forward.busy.extension", "does not exist"},
		{"/settings/2001", `{"forward":{"no_answer":{}}}`, "forward.no_answer", "exactly one"},
		{"/settings/2001", `{"forward":{"no_answer":{"extension":"2002","number":"0312345678"}}}`, "forward.no_answer", "exactly one"},
		{"/settings/2001", `{"forward":{"unregistered":{"number":"184119"}}}`, "forward.unregistered.number", "emergency"},
		{"/settings/2001", `{"forward":{"unregistered":{"number":"03-1234"}}}`, "forward.unregistered.number", "digits"},
		{"/settings/2001", `{"forward":{"seconds":-1}}`, "forward.seconds", "0 to 300"},
		{"/settings/2999", `{}`, "extension", "does not exist"},
		{"/settings/2004", `{"forward":{"always":{"extension":"2003"}}}`, "forward.always.extension", "leads back: 2004 → 2003 → 2004"},
	})
	// Staff decide about their own telephone only.
	for who, want := range map[string]int{"alice+staff": 201, "bob+staff": 404, "tel+telephony": 200, "aud+auditor": 403} {
		if who == "tel+telephony" {
			continue
		}
		if p := r.do(t, who, "PUT", base+"/settings/2001", `{"do_not_disturb":true}`); p.status != want {
			t.Errorf("%s: %d %s, want %d", who, p.status, p.body, want)
		}
		if want == 201 {
			if p := r.do(t, who, "DELETE", base+"/settings/2001", ""); p.status != 204 {
				t.Errorf("%s: delete %d", who, p.status)
			}
		}
	}
	// They go with their extension, and hold whom they name.
	if p := r.do(t, admin, "DELETE", base+"/extensions/2004", ""); p.status != 409 {
		t.Errorf("an extension that calls are sent to was deleted: %d", p.status)
	}
	if p := r.do(t, admin, "DELETE", base+"/extensions/2003", ""); p.status != 204 {
		t.Errorf("delete: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "GET", base+"/settings/2003", ""); p.status != 404 {
		t.Errorf("its settings are still there: %d", p.status)
	}
}

func TestGroups(t *testing.T) {
	r := desk(t, map[string]string{"/groups/6010": `{"members":["2003"],"overflow":{"extension":"2004"}}`})
	r.refuses(t, []refused{
		{"/groups/6001", `{}`, "members", "1 to 32"},
		{"/groups/6001", `{"members":["2001","2001"]}`, "members[1]", "twice"},
		{"/groups/6001", `{"members":["2999"]}`, "members[0]", "does not exist"},
		{"/groups/6001", `{"members":["2001"],"strategy":"loudest"}`, "strategy", "must be one of"},
		{"/groups/6001", `{"members":["2001"],"ring_seconds":301}`, "ring_seconds", "0 to 300"},
		{"/groups/6001", `{"members":["2001"],"overflow":{"group":"6001"}}`, "overflow.group", "itself"},
		{"/groups/6001", `{"members":["2001"],"overflow":{"number":"0312345678"}}`, "payer", "answers for"},
		{"/groups/6001", `{"members":["2001"],"overflow":{"group":"6999"}}`, "overflow.group", "does not exist"},
		{"/groups/2001", `{"members":["2002"]}`, "number", "is taken by extension 2001"},
		{"/groups/119", `{"members":["2002"]}`, "number", "emergency"},
		{"/extensions/6010", `{}`, "number", "is taken by group 6010"},
		{"/settings/2004", `{"forward":{"always":{"group":"6010"}}}`, "forward.always.group", "leads back: 2004 → 6010 → 2004"},
		{"/dids/+81312340001", `{"group":"6010","to":["2001"]}`, "to", "beside group"},
		{"/dids/+81312340001", `{}`, "to", "1 to 32"},
	})
	if p := r.do(t, admin, "PUT", base+"/dids/+81312340001", `{"group":"6010"}`); p.status != 201 {
		t.Errorf("a DID of a group: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "DELETE", base+"/groups/6010", ""); p.status != 409 {
		t.Errorf("a group with a DID was deleted: %d", p.status)
	}
	if p := r.do(t, admin, "DELETE", base+"/extensions/2003", ""); p.status != 409 {
		t.Errorf("a group's last member was deleted: %d", p.status)
	}
}

func TestCalendars(t *testing.T) {
	r := desk(t, map[string]string{"/calendars/office": `{"holidays":true,"hours":[{"days":["mon"],"from":"08:30","to":"17:15"}],"closed":[{"from":"2026-12-29","to":"2027-01-03"}],"number":"7000"}`,
		"/groups/6020": `{"members":["2001"],"closing":{"calendar":"office","night":{"announce":"greeting/closed"},"holiday":{"to":{"extension":"2002"}}}}`})
	r.refuses(t, []refused{
		{"/calendars/x", `{"hours":[{"days":[],"from":"08:30","to":"17:15"}]}`, "hours[0].days", "1 to 7"},
		{"/calendars/x", `{"hours":[{"days":["monday"],"from":"08:30","to":"17:15"}]}`, "hours[0].days[0]", "must be one of"},
		{"/calendars/x", `{"hours":[{"days":["mon"],"from":"8:30","to":"17:15"}]}`, "hours[0].from", "such as 08:30"},
		{"/calendars/x", `{"hours":[{"days":["mon"],"from":"18:00","to":"17:15"}]}`, "hours[0].to", "after from"},
		{"/calendars/x", `{"closed":[{"from":"2026-02-30","to":"2026-03-01"}]}`, "closed[0].from", "must be a date"},
		{"/calendars/x", `{"closed":[{"from":"2026-03-02","to":"2026-03-01"}]}`, "closed[0].to", "before from"},
		{"/calendars/x", `{"operators":["2999"]}`, "operators[0]", "does not exist"},
		{"/extensions/2001", `{"pickup":"Desk 1"}`, "pickup", "must be 1 to 64"},
		{"/calendars/x", `{"manual":"lunch"}`, "manual", "must be one of"},
		{"/calendars/x", `{"until":"2026-12-01T00:00:00Z"}`, "until", "nothing was"},
		{"/calendars/x", `{"number":"7000"}`, "number", "is taken by calendar office"},
		{"/calendars/x", `{"number":"2001"}`, "number", "taken by extension 2001"},
		{"/extensions/7000", `{}`, "number", "is taken by calendar office"},
		{"/groups/6021", `{"members":["2001"],"closing":{"calendar":"none"}}`, "closing.calendar", "does not exist"},
		{"/groups/6021", `{"members":["2001"],"closing":{"calendar":"office","night":{}}}`, "closing.night", "must say something"},
		{"/groups/6021", `{"members":["2001"],"closing":{"calendar":"office","night":{"announce":"../x"}}}`, "closing.night.announce", "prompt"},
		{"/dids/+81312340009", `{"to":["2001"],"closing":{"calendar":"office","night":{"to":{"number":"0312345678"}}}}`, "payer", "closing.night"},
	})
	if p := r.do(t, admin, "DELETE", base+"/calendars/office", ""); p.status != 409 {
		t.Errorf("a calendar in use was deleted: %d", p.status)
	}
	if p := r.do(t, admin, "PUT", base+"/groups/6020", `{"members":["2001"],"closing":{"calendar":"office","night":{"to":{"extension":"2002"}}}}`); p.status != 200 {
		t.Errorf("changed: %d %s", p.status, p.body)
	}
	if p := r.do(t, "tel+telephony", "PUT", base+"/calendars/office", `{"manual":"night"}`); p.status != 200 {
		t.Errorf("by hand: %d %s", p.status, p.body)
	}
}

func TestRejections(t *testing.T) {
	r := desk(t, map[string]string{"/rejections/nuisance": `{"numbers":["+819011112222","+8180*"],"withheld":["anonymous"],"approval":"課長 11月","until":"2026-12-31T00:00:00Z"}`})
	r.refuses(t, []refused{
		{"/rejections/x", `{"withheld":["anonymous"]}`, "approval", "who approved"},
		{"/rejections/x", `{"approval":"x"}`, "numbers", "name somebody"},
		{"/rejections/x", `{"approval":"x","withheld":["shy"]}`, "withheld[0]", "must be one of"},
		{"/rejections/x", `{"approval":"x","numbers":["*"]}`, "numbers[0]", "E.164"},
		{"/rejections/x", `{"approval":"x","numbers":["0312345678"]}`, "numbers[0]", "E.164"},
		{"/rejections/x", `{"approval":"x","numbers":["+8190*"],"called":["x"]}`, "called[0]", "number of ours"},
		{"/rejections/x", `{"approval":"x","numbers":["+8190*"],"announce":"/etc"}`, "announce", "prompt"},
	})
}

func TestParkingLots(t *testing.T) {
	r := desk(t, map[string]string{"/parking-lots/700": `{"first_slot":"701","slots":9,"fallback":{"extension":"2004"}}`,
		"/groups/6010": `{"members":["2003"]}`, "/calendars/office": `{"number":"7000"}`})
	r.refuses(t, []refused{
		{"/parking-lots/800", `{}`, "first_slot", "1 to 10"},
		{"/parking-lots/800", `{"first_slot":"801","slots":101}`, "slots", "0 to 100"},
		{"/parking-lots/800", `{"first_slot":"981","slots":30}`, "slots", "as many digits"},
		{"/parking-lots/800", `{"first_slot":"790"}`, "first_slot", "lot's own number"},
		{"/parking-lots/100", `{"first_slot":"101"}`, "first_slot", "emergency"},
		{"/parking-lots/800", `{"first_slot":"801","seconds":3601}`, "seconds", "0 to 3600"},
		{"/parking-lots/800", `{"first_slot":"801","fallback":{"extension":"2999"}}`, "fallback.extension", "does not exist"},
		{"/parking-lots/800", `{"first_slot":"801","fallback":{"number":"0312345678"}}`, "payer", "answers for"},
		{"/parking-lots/800", `{"first_slot":"801","skip_parker":true}`, "fallback", "do not come back"},
		{"/parking-lots/800", `{"first_slot":"801","music":"../x"}`, "music", "prompt"},
		{"/parking-lots/800", `{"first_slot":"705"}`, "first_slot", "is taken by parking-lot 700"},
		{"/parking-lots/800", `{"first_slot":"1990"}`, "first_slot", "is taken by extension 2001"},
		{"/parking-lots/800", `{"first_slot":"6001"}`, "first_slot", "is taken by group 6010"},
		{"/parking-lots/800", `{"first_slot":"6999","slots":2}`, "first_slot", "is taken by calendar office"},
		{"/parking-lots/705", `{"first_slot":"801"}`, "number", "is taken by parking-lot 700"},
		{"/parking-lots/2001", `{"first_slot":"801"}`, "number", "is taken by extension 2001"},
		{"/extensions/703", `{}`, "number", "is taken by parking-lot 700"},
		{"/extensions/700", `{}`, "number", "is taken by parking-lot 700"},
		{"/groups/709", `{"members":["2001"]}`, "number", "is taken by parking-lot 700"},
		{"/calendars/x", `{"number":"701"}`, "number", "is taken by parking-lot 700"},
	})
	if p := r.do(t, admin, "PUT", base+"/extensions/710", `{}`); p.status != 201 {
		t.Errorf("the number behind the last slot: %d %s", p.status, p.body)
	}
	if p := r.do(t, "tel+telephony", "PUT", base+"/parking-lots/700", `{"first_slot":"701","slots":5,"music":"music/hold"}`); p.status != 200 {
		t.Errorf("changed: %d %s", p.status, p.body)
	}
	if p := r.do(t, "zoe+staff", "PUT", base+"/parking-lots/700", `{"first_slot":"701"}`); p.status != 403 {
		t.Errorf("by staff: %d", p.status)
	}
}
