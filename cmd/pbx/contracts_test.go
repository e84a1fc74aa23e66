package main

import (
	"net/netip"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip/siptest"
)

// registering is the answer to a REGISTER with the right password.
func registering(p *siptest.Phone) int {
	r := p.NewRequest("REGISTER", "")
	r.Add("Expires", "60")
	r.Add("User-Agent", "desk/1") // else it is taken for one that knows MD5 only
	_, answer := p.Do(r)
	return answer.Status
}

// TestContractEnds: past its end a contractor registers and calls no more, by the clock alone; before it they call the numbers of the contract only.
func TestContractEnds(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	own := provisioning.Extension{Number: "2001", Display: "委託", Media: "srtp-preferred", User: "guest", AllowMD5: true}
	contract := provisioning.Contract{Sponsor: "boss", Ends: time.Now().Add(time.Hour), Calls: []string{"21*"}}
	guest := provisioning.User{Name: "guest", Display: "委託", Contract: &contract}
	l.put(provisioning.User{Name: "boss", Display: "b", Roles: []provisioning.Role{provisioning.RoleStaff}}, guest, own,
		provisioning.Extension{Number: "2100", Media: "srtp-preferred"})
	phone := l.phone("2001", netip.MustParseAddr("127.0.0.1"))
	if got := registering(phone); got != 200 {
		t.Fatalf("before the end: REGISTER %d", got)
	}
	for to, want := range map[string]int{"2100": 480, "2002": 403} {
		if _, r := phone.Do(callTo(phone, to)); r.Status != want {
			t.Errorf("a call to %s: %d, want %d", to, r.Status, want)
		}
	}
	contract.Ends = time.Now().Add(-time.Second)
	l.put(guest)
	await(t, l.p.registrar, "after the end")
	if got := registering(phone); got != 403 {
		t.Errorf("after the end: REGISTER %d, want 403", got)
	}
	if _, r := phone.Do(callTo(phone, "2100")); r.Status != 403 {
		t.Errorf("after the end: INVITE %d, want 403", r.Status)
	}
}

// TestSponsorLeft: who is from outside and has nobody any more who answers for them is an alarm until somebody does, or the contract is over.
func TestSponsorLeft(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	boss := provisioning.User{Name: "boss", Display: "b", Roles: []provisioning.Role{provisioning.RoleStaff}}
	contract := provisioning.Contract{Sponsor: "boss", Ends: time.Now().Add(time.Hour)}
	l.put(boss, provisioning.User{Name: "guest", Display: "g", Contract: &contract})
	s := sponsors{directory: l.p.directory}
	if got := s.alone(); len(got) != 0 {
		t.Errorf("with a sponsor: %v", got)
	}
	boss.Disabled = true
	l.put(boss)
	if _, ok := s.alone()[[2]string{l.p.config.Domain, "guest"}]; !ok {
		t.Error("the sponsor was disabled, and nobody is told")
	}
	contract.Ends = time.Now()
	l.put(provisioning.User{Name: "guest", Display: "g", Contract: &contract})
	if got := s.alone(); len(got) != 0 {
		t.Errorf("the contract is over: %v", got)
	}
}
