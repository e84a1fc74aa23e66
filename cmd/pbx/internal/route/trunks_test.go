package route

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// city has two sites, a trunk in each, one that keeps any location right, and an extension that still lives on the old telephone system.
func city() dir {
	d := town()
	d.trunks = []provisioning.Trunk{
		{Name: "hall-1", Prefixes: []string{"0"}, Sites: []string{"hall"}, CallerID: "+81312340000"},
		{Name: "annex-1", Prefixes: []string{"0"}, Sites: []string{"annex"}},
		{Name: "central", Prefixes: []string{"0"}, EmergencyAnywhere: true},
		{Name: "old", Profile: "legacy-pbx"},
	}
	d.sites = map[string]provisioning.Site{"d|hall": {Name: "hall", EmergencyNumber: "+81312340000"}, "d|annex": {Name: "annex", EmergencyNumber: "+81312350000"}}
	d.extensions["d|2001"] = provisioning.Extension{Number: "2001", CallerID: "+81312340001", Site: "hall"}
	d.extensions["d|2050"] = provisioning.Extension{Number: "2050", Remote: "old", Display: "経理"}
	d.dids["d|+81312340050"] = provisioning.DID{Number: "+81312340050", To: []string{"2050", "2001"}}
	return d
}

// draw writes a plan in one line.
func draw(p Plan) string {
	if p.Refuse.Status != 0 {
		return fmt.Sprint(p.Refuse.Status)
	}
	var steps []string
	for _, s := range p.Steps {
		var targets []string
		for _, t := range s.Targets {
			text := t.Number
			if t.Kind == ToTrunk {
				text += "@" + t.Trunk
			}
			if t.Caller != "" {
				text += " as " + t.Caller
			}
			if t.Wish != 0 {
				text += fmt.Sprintf(" wish %d", t.Wish)
			}
			if t.Emergency {
				text += " !"
			}
			targets = append(targets, text)
		}
		text := strings.Join(targets, " + ")
		if s.Fallback {
			text = "else " + text
		}
		steps = append(steps, text)
	}
	return strings.Join(steps, ", ")
}

func TestWaysOut(t *testing.T) {
	for _, c := range []struct {
		name string
		req  Request
		want string
	}{
		{"the trunk of the extension's site, then the one of all sites", Request{Extension: "2001", Dialled: "0612345678"},
			"0612345678@hall-1 as +81312340001, else 0612345678@central as +81312340001"},
		{"the device stands in the annex today", Request{Extension: "2001", Dialled: "0612345678", Site: "annex"},
			"0612345678@annex-1 as +81312340001, else 0612345678@central as +81312340001"},
		{"nobody knows where", Request{Extension: "2002", Dialled: "0612345678"}, "0612345678@central"},
		{"184", Request{Extension: "2002", Dialled: "1840612345678"}, "0612345678@central wish 1"},
		{"186", Request{Extension: "2002", Dialled: "1860612345678"}, "0612345678@central wish 2"},
		{"184 before a colleague", Request{Extension: "2002", Dialled: "1842001"}, "2001"},
		{"184 before a number of ours", Request{Extension: "2002", Dialled: "1840312345670"}, "2002"},
		{"184 hides no right", Request{Extension: "2002", Dialled: "184010442071838750"}, "403"},
		{"an extension on the old system", Request{Extension: "2002", Dialled: "2050"}, "2050@old"},
		{"a DID of both", Request{Trunk: "central", Dialled: "+81312340050"}, "2050@old + 2001"},
		{"the old system calls an extension", Request{Trunk: "old", Internal: true, Dialled: "2001"}, "2001"},
		{"the old system calls its own", Request{Trunk: "old", Internal: true, Dialled: "2050"}, "404"},
		{"the old system is no way out", Request{Trunk: "old", Internal: true, Dialled: "0612345678"}, "404"},
		{"a carrier calls an extension", Request{Trunk: "central", Dialled: "2001"}, "404"},
	} {
		c.req.Domain = "d"
		if got := draw(Route(city(), c.req, time.Time{})); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestFlip: taking Remote off moves the extension; the next call sees it.
func TestFlip(t *testing.T) {
	d := city()
	e := d.extensions["d|2050"]
	e.Remote = ""
	d.extensions["d|2050"] = e
	if got := draw(Route(d, Request{Domain: "d", Trunk: "central", Dialled: "+81312340050"}, time.Time{})); got != "2050 + 2001" {
		t.Errorf("%s", got)
	}
	if got := draw(Route(d, Request{Domain: "d", Trunk: "old", Internal: true, Dialled: "2050"}, time.Time{})); got != "2050" {
		t.Errorf("%s", got)
	}
}

// TestEmergency: who calls is the site, by the site's trunks; nothing that people dial before the number matters.
func TestEmergency(t *testing.T) {
	hall := "119@hall-1 as +81312340000 !, 119@central as +81312340000 !"
	annex := "119@annex-1 as +81312350000 !, 119@central as +81312350000 !"
	for _, c := range []struct{ extension, site, dialled, want, at string }{
		{"2001", "", "119", hall, "hall"}, {"2001", "", "184119", hall, "hall"}, {"2001", "", "0119", hall, "hall"}, {"2001", "", "0184119", hall, "hall"},
		{"2001", "", "186119", hall, "hall"}, {"2001", "", "+81119", hall, "hall"}, {"2001", "hall", "119", hall, "hall"},
		{"2001", "annex", "119", annex, "annex"}, // hot-desked: the device's site, not the person's
		{"2002", "annex", "119", annex, "annex"},
		{"2002", "", "110", "110@hall-1 !, 110@annex-1 !, 110@central !, 110@old !", ""},
		{"2001", "", "118", strings.ReplaceAll(hall, "119@", "118@"), "hall"},
	} {
		p := Route(city(), Request{Domain: "d", Extension: c.extension, Site: c.site, Dialled: c.dialled}, time.Time{})
		if got := draw(p); got != c.want || !p.Emergency || p.Site != c.at || p.Record.On || p.Charge != (Charge{}) {
			t.Errorf("%s at %q dials %s:\n got %s %+v\nwant %s", c.extension, c.site, c.dialled, got, p, c.want)
		}
	}
	for _, no := range []string{"1190", "11", "0110312345", "911", "1842001", "18411"} {
		if p := Route(city(), Request{Domain: "d", Extension: "2001", Dialled: no}, time.Time{}); p.Emergency {
			t.Errorf("%s is an emergency", no)
		}
	}
	none := city() // an old trunk is a way out when it is the only one
	none.trunks = slices.DeleteFunc(none.trunks, func(t provisioning.Trunk) bool { return t.Name != "old" })
	if got := draw(Route(none, Request{Domain: "d", Extension: "2001", Dialled: "119"}, time.Time{})); got != "119@old as +81312340000 !" {
		t.Errorf("%s", got)
	}
}

// TestCallBack: in the window the device that called for help rings, and whoever the number reaches anyway; nothing is announced.
func TestCallBack(t *testing.T) {
	for _, c := range []struct{ dialled, back, want string }{
		{"+81312340000", "2001", "2001"}, // the site's number is no DID
		{"+81312345678", "2050", "2050@old + 2001 + 2002"},
		{"+81312345678", "2001", "2001 + 2002"},
		{"+81312340000", "2003", "404"}, // disabled, and no DID
		{"+81312345678", "2003", "2001 + 2002"},
	} {
		p := Route(city(), Request{Domain: "d", Trunk: "central", Dialled: c.dialled, CallBack: c.back}, time.Time{})
		if got := draw(p); got != c.want || p.Refuse.Status == 0 && (!p.CallBack || p.Record.On) {
			t.Errorf("%s: %s %+v, want %s", c.dialled, got, p, c.want)
		}
	}
}
