package main

import (
	"testing"

	"naisen/provisioning"
)

// Numbers that come under policies in other ways than by their own.
const (
	simByGroup = "+81361000011" // a group with a policy, whose member is 2002
	simByTaker = "+81361000012" // rings 2001, whose calls from outside are recorded
	simNever   = "+81361000013" // never recorded; rings 2001
	simToNever = "+81361000014" // recorded; rings 2003, who never is
	simByTrunk = "0361119999"   // outside, by a trunk whose outgoing calls are recorded
)

func ruledOffice() []provisioning.Entity {
	phone := func(n string, record string, d *provisioning.Directions) provisioning.Entity {
		return provisioning.Extension{Number: n, AllowMD5: true, Media: "srtp-preferred", Record: record, Recording: d}
	}
	return []provisioning.Entity{provisioning.RecordingPolicy{Name: "forbid", Record: provisioning.RecordNever},
		phone("2001", "", &provisioning.Directions{Incoming: "silent"}), phone("2002", "", nil), phone("2004", "", nil),
		phone("2003", "forbid", &provisioning.Directions{Incoming: "forbid", Internal: "forbid"}),
		provisioning.Group{Number: "6011", Members: []string{"2002"}, Policy: "silent"},
		provisioning.DID{Number: simByGroup, Group: "6011"}, provisioning.DID{Number: simByTaker, To: []string{"2001"}},
		provisioning.DID{Number: simNever, To: []string{"2001"}, Policy: "forbid"}, provisioning.DID{Number: simToNever, To: []string{"2003"}, Policy: "silent"},
		provisioning.Trunk{Name: "carrier", Host: "192.0.2.50:5060", Transport: "udp", Sources: []string{"192.0.2.50/32"}, Prefixes: []string{"0"},
			Media: "srtp-forbidden", DIDFrom: []string{"request-uri", "to"}, CallerID: simPlain, Recording: &provisioning.Directions{Outgoing: "silent"}}}
}

// TestRecordedByRule: calls that are recorded, or are not, for the sake of a group, of who takes them, of a trunk, and of what forbids; as the switch is
// wired.
func TestRecordedByRule(t *testing.T) {
	onStage(t, "", func(o *stage) {
		h := newHands(o)
		for _, c := range []struct {
			name        string
			play        func()
			want, tapes []string
		}{
			{"a group", func() { comes(h, simByGroup) }, []string{"2002 carrier @1"}, []string{"@1 6011 who " + simCaller + ",2002"}},
			{"who takes it", func() { comes(h, simByTaker) }, []string{"2001 carrier @1"}, []string{"@1 2001 who " + simCaller + ",2001"}},
			{"and sends it on", func() {
				comes(h, simByTaker)
				h.refer("2001", "2002")
			}, []string{"2001 carrier @1", "2002 carrier @1"}, []string{"@1 2001 who " + simCaller + ",2001,2002"}},
			{"who takes it, called from inside", func() { dials("2001")(h, "2004") }, []string{"2001 2004"}, nil},
			{"a trunk", func() { dials(simByTrunk)(h, "2004") }, []string{"2004 carrier @1"}, []string{"@1 2004 who 2004," + simByTrunk}},
			{"never, whoever takes it and wherever it goes", func() {
				comes(h, simNever)
				h.refer("2001", "2002")
			}, []string{"2001 carrier", "2002 carrier"}, nil},
			{"who may not be recorded takes it, and sends it on", func() {
				comes(h, simToNever)
				h.refer("2003", "2002")
			}, []string{"2003 carrier", "2002 carrier @1"}, []string{"@1 " + simToNever + " who " + simCaller + ",2002"}},
			{"who may not be recorded calls outside", func() { dials(simByTrunk)(h, "2003") }, []string{"2003 carrier"}, nil},
		} {
			h.begin()
			c.play()
			h.part()
			h.compare(c.name, c.want, c.tapes)
		}
		o.mu.Lock()
		o.checkEvidence()
		o.mu.Unlock()
	}, ruledOffice()...)
}
