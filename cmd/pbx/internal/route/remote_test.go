package route

import (
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// working is a domain whose people may call from outside the premises what the class homework opens.
func working(emergency string) dir {
	d := restricted()
	d.restrictions["d|homework"] = provisioning.Restriction{Name: "homework", Rights: provisioning.Rights{Classes: []string{provisioning.ClassNational, provisioning.ClassPremium}},
		Closed: []string{"0366*"}, Calendar: "hall", Night: &provisioning.Rights{}, WithPIN: &provisioning.Rights{Classes: []string{provisioning.ClassMobile}}}
	for name, self := range d.domains {
		if self.Name == "d" || name == "d" {
			self.Remote = &provisioning.RemoteWork{Restriction: "homework", Emergency: emergency}
			d.domains[name] = self
		}
	}
	return d
}

// TestRemoteWork: outside the premises only that may be called which both the extension's rights and the class of remote work open, by its hours; who may not
// is told why. Inside the premises, for numbers inside, and for what was wished before, the class is not asked.
func TestRemoteWork(t *testing.T) {
	town := working("")
	for _, c := range []struct {
		dialled, at string
		remote      Remote
		afar, pin   bool
		say, why    string // empty: open
	}{
		{"0312345555", "09:00", RemoteDesk, false, false, "", "trunk"},
		{"0312345555", "09:00", RemoteSoft, false, false, "", "trunk"},
		{"0312345555", "20:00", RemoteSoft, false, false, "restriction/remote", "class homework of remote work in night mode: national is closed"},
		{"0312345555", "20:00", OnPremises, false, false, "", "trunk"},
		{"09012345678", "09:00", OnPremises, false, false, "", "trunk"},
		{"09012345678", "09:00", RemoteDesk, false, false, "restriction/needs-pin", "mobile is closed without the PIN"},
		{"09012345678", "09:00", RemoteDesk, false, true, "", "trunk"},
		{"0366661111", "09:00", RemoteSoft, false, true, "restriction/remote", "the number is listed"},
		{"0366661111", "09:00", OnPremises, true, false, "restriction/remote", "the number is listed"}, // by call-through
		{"1840366661111", "09:00", RemoteSoft, false, false, "restriction/remote", "the number is listed"},
		{"90366661111", "09:00", RemoteSoft, false, false, "restriction/remote", "the number is listed"},
		{"0120444444", "09:00", RemoteSoft, false, false, "restriction/remote", "toll-free is closed"},
		{"0990512345", "09:00", RemoteSoft, false, false, "call/barred", "premium is closed"},                            // the class gives no rights
		{"010442071838750", "09:00", RemoteSoft, false, false, "call/barred", "rights of 2002: international is closed"}, // its own rights say why
		{"2001", "20:00", RemoteSoft, false, false, "", "extension"},
	} {
		p := Route(town, Request{Domain: "d", Extension: "2002", Dialled: c.dialled, Remote: c.remote, Afar: c.afar, PIN: c.pin}, day(c.at))
		if p.Say != c.say || (p.Refuse.Status == 403) != (c.say != "") || !strings.Contains(p.Why, c.why) || (c.say != "") != (len(p.Steps) == 0) {
			t.Errorf("%s at %s, %v: %d %q %q, want %q %q", c.dialled, c.at, c.remote, p.Refuse.Status, p.Say, p.Why, c.say, c.why)
		}
	}
	delete(town.restrictions, "d|homework")
	if p := Route(town, Request{Domain: "d", Extension: "2002", Dialled: "0312345555", Remote: RemoteDesk}, day("09:00")); p.Say != sayRemote {
		t.Errorf("without its class: %+v", p)
	}
}

// TestHelpOfRemoteWork: 110, 118 and 119 are refused with advice from a softphone outside the premises, unless the domain wants them to be called; from any other
// telephone they are never refused, whatever the class of remote work says.
func TestHelpOfRemoteWork(t *testing.T) {
	silent := working("")
	for name, self := range silent.domains {
		self.Remote = nil
		silent.domains[name] = self
	}
	for name, c := range map[string]struct {
		town dir
		soft string
	}{"refuse": {working(provisioning.RemoteEmergencyRefuse), sayOwnDialler}, "left out": {working(""), sayOwnDialler}, "nothing is set": {silent, sayOwnDialler},
		"call": {working(provisioning.RemoteEmergencyCall), ""}} {
		for _, dialled := range []string{"110", "118", "119", "0119", "9119", "184110"} {
			for remote, say := range map[Remote]string{OnPremises: "", RemoteDesk: "", RemoteSoft: c.soft} {
				p := Route(c.town, Request{Domain: "d", Extension: "2002", Dialled: dialled, Remote: remote}, time.Time{})
				if p.Say != say || p.Emergency == (say != "") || (p.Refuse.Status != 0) != (say != "") {
					t.Errorf("%s: %s from %v: %+v", name, dialled, remote, p)
				}
			}
			if p := Route(c.town, Request{Domain: "d", Extension: "2002", Dialled: dialled, Afar: true}, time.Time{}); p.Say != sayOwnDialler || p.Emergency {
				t.Errorf("%s: %s from a mobile beyond a trunk: %+v", name, dialled, p)
			}
		}
	}
}
