package main

import (
	"fmt"
	"net/netip"
	"testing"

	"naisen/provisioning"
	"naisen/sip/siptest"
)

// TestSystemRegistersItsNumbers: a telephone system registers in bulk (RFC 6140) and is called, and calls, where it registered from; its
// other addresses are nobody's. When its trunk goes, so does its registration.
func TestSystemRegistersItsNumbers(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	old := provisioning.Trunk{Name: "old", Profile: "legacy-pbx", Host: "old.example", Transport: "udp", Register: "accept", Username: "oldpbx", Media: "srtp-forbidden"}
	l.put(old, provisioning.Extension{Number: "3001", Remote: "old", Media: "srtp-preferred"})
	err := (liveStore{l.p.store, l.p.directory, l.p.log}).Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return w.PutSecret("pbx.internal", provisioning.SecretTrunk, "old", []byte("s3cret"))
	})
	if err != nil {
		t.Fatal(err)
	}
	here := netip.MustParseAddr("127.0.0.1")
	system := siptest.NewPhone(t, "oldpbx", l.socket(here), l.at("udp"))
	system.Domain = "pbx.internal"
	caller := l.phone("2002", here)
	caller.Register(300)

	inv := l.authorised(caller, callTo(caller, "3001"))
	if r := caller.ExpectStatus(480, "INVITE"); r != nil { // it is not there yet
		caller.Ack(inv, r)
	}
	for _, c := range []struct {
		password string
		status   int
	}{{"guess", 401}, {"s3cret", 200}} {
		system.Auth = siptest.Digest("oldpbx", c.password)
		r := system.NewRequest("REGISTER", "")
		r.Set("Contact", fmt.Sprintf("<sip:%s;bnc>", system.Addr))
		r.Add("Require", "gin")
		if _, resp := system.Do(r); resp.Status != c.status {
			t.Fatalf("REGISTER with %s: %d, want %d", c.password, resp.Status, c.status)
		}
	}
	inv = l.authorised(caller, callTo(caller, "3001"))
	got := system.Expect("INVITE")
	if got.URI.User != "3001" || got.URI.Host != "127.0.0.1" || got.URI.Port != int(system.Addr.Port()) || got.URI.Params.Has("bnc") {
		t.Errorf("called as %s", got.URI)
	}
	system.Reply(got, 486, nil)
	system.Expect("ACK")
	caller.Ack(inv, caller.ExpectStatus(486, "INVITE"))

	from := callTo(system, "2002") // its extension calls ours: no challenge
	me := from.From()
	me.URI.User = "3001"
	from.SetFrom(me)
	system.Send(from)
	rung := caller.Expect("INVITE")
	if rung.From().URI.User != "3001" {
		t.Errorf("from %s", rung.From())
	}
	caller.Reply(rung, 486, nil)
	caller.Expect("ACK")
	system.Ack(from, system.ExpectStatus(486, "INVITE"))

	stranger := siptest.NewPhone(t, "oldpbx", l.socket(here), l.at("udp")) // the same words from elsewhere
	stranger.Domain = "pbx.internal"
	from = callTo(stranger, "2002")
	from.SetFrom(me)
	from.Set("Call-ID", "stranger")
	stranger.Send(from)
	if r := stranger.ExpectStatus(401, "INVITE"); r != nil {
		stranger.Ack(from, r)
	}
	old.Disabled = true
	l.put(old)
	waitFor(t, func() bool { return len(l.p.registrar.Bindings("oldpbx@pbx.internal")) == 0 })
}
