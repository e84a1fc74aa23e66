package main

import (
	"slices"
	"testing"

	"naisen/provisioning"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// rang compares what the last call's record says of those who were rung.
func (o *stage) rang(want ...string) {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	var got []string
	for _, r := range row(o.cdrs[len(o.cdrs)-1]).Rang {
		got = append(got, r.Extension+" "+r.Outcome)
	}
	if !slices.Equal(got, want) {
		o.t.Errorf("the record says %q, want %q", got, want)
	}
}

// A call that nobody takes is missed by all who were rung; who is busy or declines has done so.
func TestMissedCall(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2003"]
		refuse := func(p *siptest.Phone, r *stack.Request, status int) {
			p.Reply(r, status, nil)
			p.Expect("ACK")
		}
		out := o.invite(alice, simGroup, nil)
		in, other := bob.Expect("INVITE"), carol.Expect("INVITE")
		refuse(bob, in, 603)
		carol.Reply(other, 180, nil)
		alice.ExpectStatus(180, "INVITE")
		alice.Cancel(out)
		alice.ExpectStatus(200, "CANCEL")
		alice.Ack(out, alice.ExpectStatus(487, "INVITE"))
		carol.Reply(carol.Expect("CANCEL"), 200, nil)
		refuse(carol, other, 487)
		o.wait(siptest.Patience)
		o.rang("2002 declined", "2003 missed")
		o.mu.Lock()
		part, _ := row(o.cdrs[0]).Part("2003")
		o.mu.Unlock()
		if part != provisioning.PartMissed {
			t.Errorf("2003 has the part %q", part)
		}
		out = o.invite(alice, simGroup, nil)
		in, other = bob.Expect("INVITE"), carol.Expect("INVITE")
		refuse(bob, in, 486)
		refuse(carol, other, 486)
		alice.Ack(out, alice.ExpectStatus(486, "INVITE"))
		o.wait(siptest.Patience)
		o.rang("2002 busy", "2003 busy")
	}, provisioning.Group{Number: simGroup, Members: []string{"2002", "2003"}})
}
