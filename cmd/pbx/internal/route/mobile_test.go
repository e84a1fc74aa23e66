package route

import (
	"fmt"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip"
)

// mobiles draws which mobiles of a plan ring, how late, what they show and who pays.
func mobiles(p Plan) (out string) {
	for _, s := range p.Steps {
		for _, t := range s.Targets {
			if m := t.Mobile; m != nil {
				out += fmt.Sprintf("%s:%s@%s as %s, for %s, after %v, %s ", t.Number, m.To.Number, m.To.Trunk, m.To.Caller, m.To.Diverter.Number, m.After.Seconds(), m.Charge.Extension+" "+m.Charge.Class)
			}
		}
	}
	return out
}

// TestMobile: a mobile rings as one of its owner's telephones, wherever these ring, as far as the owner may call it, in its hours, and never because of
// a call that came from it or would come back.
func TestMobile(t *testing.T) {
	const its = "2010:09012345678@carrier as +81312340010, for +81312340010, after 5, 2010 mobile "
	own := provisioning.Mobile{Number: "09012345678", Delay: 5}
	with := func(change func(*provisioning.Mobile)) provisioning.Settings {
		m := own
		change(&m)
		return provisioning.Settings{Mobile: &m}
	}
	usual := with(func(*provisioning.Mobile) {})
	inside := func(n string) Request { return Request{Extension: "2001", Dialled: n, Own: true} }
	outside := Request{Trunk: "carrier", Number: "+81901111", Dialled: "+81312345671"}
	from := func(r Request, change func(*Request)) Request { change(&r); return r }
	monday := time.Date(2026, 11, 30, 10, 0, 0, 0, provisioning.Japan())
	office8 := []provisioning.Hours{{Days: []string{"mon"}, From: "08:30", To: "17:15"}}
	away := moment{away: []string{"2010"}}
	for _, c := range []struct {
		name string
		set  provisioning.Settings
		req  Request
		at   time.Time
		want string
	}{
		{"a colleague calls", usual, inside("2010"), monday, its},
		{"its DID", usual, outside, monday, its},
		{"one of several", usual, from(outside, func(r *Request) { r.Dialled = "+81312345672" }), monday, its},
		{"in a group", usual, inside("6000"), monday, its},
		{"in a group, with no other telephone", usual, from(inside("6000"), func(r *Request) { r.Live = away }), monday, its},
		{"with no other telephone nobody sends the call on", provisioning.Settings{Mobile: &own, Forward: provisioning.Forwarding{Unregistered: ext("2012")}},
			from(inside("2010"), func(r *Request) { r.Live = away }), monday, its},
		{"a call that comes back", usual, Request{Extension: "2010", Dialled: "2010", Direct: true}, monday, its},
		{"in its hours", with(func(m *provisioning.Mobile) { m.Hours = office8 }), inside("2010"), monday, its},
		{"a minute before them", with(func(m *provisioning.Mobile) { m.Hours = office8 }), inside("2010"), monday.Add(-91 * time.Minute), ""},
		{"on a holiday", with(func(m *provisioning.Mobile) { m.Holidays = true }), inside("2010"), monday.AddDate(0, 0, -7), ""},
		{"on a holiday, where that does not matter", usual, inside("2010"), monday.AddDate(0, 0, -7), its},
		{"not to be disturbed", provisioning.Settings{Mobile: &own, DoNotDisturb: true}, inside("2010"), monday, ""},
		{"what it may not call", with(func(m *provisioning.Mobile) { m.Number = "010442071838750" }), inside("2010"), monday, ""},
		{"a number of ours", with(func(m *provisioning.Mobile) { m.Number = "0312345670" }), inside("2010"), monday, ""},
		{"help behind a prefix", with(func(m *provisioning.Mobile) { m.Number = "9119" }), inside("2010"), monday, ""},
		{"from that mobile", usual, from(outside, func(r *Request) { r.Number = "+819012345678" }), monday, ""},
		{"by a telephone's own address", usual, from(inside("2010"), func(r *Request) { r.Device = "urn:uuid:aa" }), monday, ""},
		{"sent on often enough", usual, from(inside("2010"), func(r *Request) { r.Way = make([]sip.Diversion, MaxHops) }), monday, ""},
		{"by intercom", usual, inside("*552010"), monday, ""},
		{"help calls back", usual, from(outside, func(r *Request) { r.CallBack = "2010" }), monday, ""},
		{"184 before it", with(func(m *provisioning.Mobile) { m.Number = "18409012345678" }), inside("2010"), monday,
			"2010:09012345678@carrier as +81312340010, for , after 5, 2010 mobile "},
	} {
		c.req.Domain = "d"
		d := office(map[string]provisioning.Settings{"2010": c.set})
		d.groups = map[string]provisioning.Group{"d|6000": {Number: "6000", Members: []string{"2010"}}}
		if p := Route(d, c.req, c.at); mobiles(p) != c.want {
			t.Errorf("%s:\n got %s\nwant %s\n(%s)", c.name, mobiles(p), c.want, p.Why)
		}
	}
}

// TestStartsWithMobile: a mobile rings later than the others by its own delay, at once where there are none, and last of those that ring in order.
func TestStartsWithMobile(t *testing.T) {
	desk, mobile := Device{Instance: "urn:uuid:aa", Q: 0.1}, Device{Q: -1, After: 5 * time.Second}
	for _, c := range []struct {
		name    string
		ring    *provisioning.Ringing
		devices []Device
		want    []Start
	}{
		{"alone", nil, []Device{mobile}, []Start{{}}},
		{"beside the desk", nil, []Device{desk, mobile}, []Start{{}, {After: 5 * time.Second}}},
		{"the desk is later", &provisioning.Ringing{Devices: []provisioning.RingDevice{{Instance: "urn:uuid:aa", Delay: 8}}}, []Device{desk, mobile}, []Start{{After: 3 * time.Second}, {}}},
		{"in order", &provisioning.Ringing{Mode: provisioning.RingInOrder, Seconds: 10}, []Device{desk, mobile}, []Start{{}, {10 * time.Second, 1}}},
	} {
		if got := Starts(c.ring, c.devices, 0); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestNoHelpFromAfar: who speaks from where nobody knows is told to call for help with the own dialler; no other number is closed for that.
func TestNoHelpFromAfar(t *testing.T) {
	for dialled, want := range map[string]string{"110": sayOwnDialler, "119": sayOwnDialler, "9119": sayOwnDialler, "2002": "", "0355556666": ""} {
		p := Route(town(), Request{Domain: "d", Extension: "2001", Dialled: dialled, Afar: true}, time.Time{})
		if p.Emergency || p.Say != want || (p.Refuse.Status == 403) != (want != "") {
			t.Errorf("%s: %+v", dialled, p)
		}
		if p := Route(town(), Request{Domain: "d", Extension: "2001", Dialled: dialled}, time.Time{}); p.Emergency != (want != "") {
			t.Errorf("%s from the desk: %+v", dialled, p)
		}
	}
}

func (d dir) Mobiles(domain string) map[string]string {
	out := map[string]string{}
	for _, s := range d.settings {
		if s.Mobile != nil && domain == "d" {
			out[s.Extension] = s.Mobile.Number
		}
	}
	return out
}

// TestCallBackNumber: only the number of exactly one person's mobile, that this one may call in the country, is let ring for a call-back; then that mobile
// rings and nothing else of its owner's does, whatever its hours, and no other kind of number ever.
func TestCallBackNumber(t *testing.T) {
	night := []provisioning.Hours{{Days: []string{"sun"}, From: "01:00", To: "02:00"}}
	with := func(n string) provisioning.Settings {
		return provisioning.Settings{DoNotDisturb: true, Forward: provisioning.Forwarding{Always: ext("2001")}, Mobile: &provisioning.Mobile{Number: n, Hours: night}}
	}
	inside := with("2004")
	d := office(map[string]provisioning.Settings{"2010": with("09012345678"), "2011": with("09022222222"), "2012": with("09022222222"), "2013": with("010442071838750"), "2001": with("0990123456"), "2002": with("9119"), "2003": inside})
	everything := &provisioning.Rights{Classes: append(provisioning.DefaultRights().Classes, provisioning.ClassPremium, provisioning.ClassInternational), Countries: []string{"*"}}
	for key, e := range d.extensions {
		if e.Rights = everything; e.Number == "2014" {
			e.Rights = &provisioning.Rights{}
		}
		d.extensions[key] = e
	}
	d.dids["d|+81312345673"] = provisioning.DID{Number: "+81312345673", CallBack: true}
	for _, c := range []struct {
		name string
		req  Request
		want string
	}{
		{"its mobile", Request{Trunk: "carrier", Number: "+819012345678"}, "call-back:+81312345673 2010"},
		{"a stranger", Request{Trunk: "carrier", Number: "+819011111111"}, "403"},
		{"nobody", Request{Trunk: "carrier", Withheld: "anonymous"}, "403"},
		{"one of two", Request{Trunk: "carrier", Number: "+819022222222"}, "403"},
		{"a mobile abroad", Request{Trunk: "carrier", Number: "+442071838750"}, "403"},
		{"a premium service", Request{Trunk: "carrier", Number: "+81990123456"}, "403"},
		{"sent on by somebody", Request{Trunk: "carrier", Number: "+819012345678", Way: make([]sip.Diversion, 1)}, "403"},
		{"a system of ours", Request{Trunk: "carrier", Internal: true, Number: "+819012345678"}, "403"},
		{"a telephone of ours", Request{Extension: "2010", Number: "+819012345678", E164: "+81312345673"}, "403"},
	} {
		c.req.Domain, c.req.Dialled = "d", "+81312345673"
		if c.req.Trunk == "" {
			c.req.Dialled = "0312345673"
		}
		p := Route(d, c.req, time.Time{})
		got := fmt.Sprint(p.Refuse.Status)
		if p.Refuse.Status == 0 {
			got = p.Steps[0].Run.String() + " " + p.Steps[0].Run.For
		}
		if got != c.want || p.Record.On {
			t.Errorf("%s: %s, want %s (%s)", c.name, got, c.want, p.Why)
		}
	}
	for of, want := range map[string]string{"2010": "2010:09012345678@carrier as +81312340010, for +81312340010, after 0, 2010 mobile ", "2013": "", "2001": "", "2002": "", "2003": "", "2014": ""} {
		e, _ := d.Extension("d", of)
		p := Route(d, CallBack("d", e), time.Time{})
		if got := mobiles(p); got != want || (want == "") != (p.Refuse.Status == 403) {
			t.Errorf("the mobile of %s: %q, want %q (%s)", of, got, want, p.Why)
		}
		for _, s := range p.Steps {
			if len(s.Targets) != 1 || !s.Targets[0].Alone || len(s.Forward) > 0 {
				t.Errorf("beside the mobile of %s: %+v", of, s)
			}
		}
	}
}

// TestThrough: only the number of exactly one person's mobile, that comes by a trunk from outside and straight, is asked for a PIN; everybody else is refused.
func TestThrough(t *testing.T) {
	its, two := &provisioning.Mobile{Number: "09012345678"}, &provisioning.Mobile{Number: "18409022222222"}
	d := office(map[string]provisioning.Settings{"2010": {Mobile: its}, "2011": {Mobile: two}, "2012": {Mobile: two}})
	d.dids["d|+81312345673"] = provisioning.DID{Number: "+81312345673", CallThrough: true}
	for _, c := range []struct {
		name string
		req  Request
		want string
	}{
		{"its mobile", Request{Trunk: "carrier", Number: "+819012345678", Dialled: "+81312345673"}, "through:+81312345673 2010"},
		{"a stranger", Request{Trunk: "carrier", Number: "+819011111111", Dialled: "+81312345673"}, "403"},
		{"nobody", Request{Trunk: "carrier", Dialled: "+81312345673"}, "403"},
		{"one of two", Request{Trunk: "carrier", Number: "+819022222222", Dialled: "+81312345673"}, "403"},
		{"sent on by somebody", Request{Trunk: "carrier", Number: "+819012345678", Dialled: "+81312345673", Way: make([]sip.Diversion, 1)}, "403"},
		{"a system of ours", Request{Trunk: "carrier", Internal: true, Number: "+819012345678", Dialled: "+81312345673"}, "403"},
		{"a telephone of ours", Request{Extension: "2010", Number: "+819012345678", Dialled: "0312345673", E164: "+81312345673"}, "403"},
	} {
		c.req.Domain = "d"
		p := Route(d, c.req, time.Time{})
		got := fmt.Sprint(p.Refuse.Status)
		if p.Refuse.Status == 0 {
			got = p.Steps[0].Run.String() + " " + p.Steps[0].Run.For
		}
		if got != c.want || p.Record.On {
			t.Errorf("%s: %s, want %s (%s)", c.name, got, c.want, p.Why)
		}
	}
}
