package main

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

const (
	deskMAC  = "805ec0112233"
	otherMAC = "0004f2aabbcc"
)

func (l *lab) update(f func(provisioning.Writer) error) {
	l.t.Helper()
	if err := (liveStore{l.p.store, l.p.directory, l.p.log}).Update(l.t.Context(), provisioning.Subject{System: true}, f); err != nil {
		l.t.Fatal(err)
	}
}

// inventoried puts a telephone into the inventory, for both extensions of the first run, and gives its keys.
func (l *lab) inventoried(mac string) (k provisioning.DeviceKeys) {
	l.t.Helper()
	l.update(func(w provisioning.Writer) (err error) {
		d := provisioning.ManagedDevice{MAC: mac, Vendor: provisioning.VendorYealink, Lines: []provisioning.DeviceLine{{Extension: "2001"}, {Extension: "2002"}}}
		if _, err = w.Put(l.p.config.Domain, d, ""); err == nil {
			k, err = provisioning.EnsureDeviceKeys(w, l.p.config.Domain, mac)
		}
		return err
	})
	return k
}

// desk is that telephone, by one of its passwords.
func (l *lab) desk(number, mac string, p provisioning.DevicePassword) *siptest.Phone {
	l.t.Helper()
	phone := siptest.NewPhone(l.t, number, l.socket(netip.MustParseAddr("127.0.0.1")), l.at("udp"))
	phone.Domain, phone.Auth = l.p.config.Domain, siptest.Digest(provisioning.DeviceLogin(number, mac, p.Generation), p.Secret)
	return phone
}

// asks is the final answer to a REGISTER.
func asks(t *testing.T, p *siptest.Phone) int {
	t.Helper()
	r := unlike(p, p.NewRequest("REGISTER", ""))
	r.Set("Expires", "300")
	_, resp := p.Do(r)
	return resp.Status
}

// unlike makes a request no copy of those of the other telephones of that name.
func unlike(p *siptest.Phone, r *stack.Request) *stack.Request {
	r.Set("Call-ID", rand.Text())
	r.SetFrom(sip.Address{URI: p.AOR()}.WithTag(rand.Text()))
	return r
}

func (l *lab) bindings(number string) int {
	return len(l.p.registrar.Bindings(number + "@" + l.p.config.Domain))
}

func (l *lab) state(mac, state string) {
	l.t.Helper()
	l.update(func(w provisioning.Writer) error {
		_, err := provisioning.SetDeviceState(w, l.p.config.Domain, mac, state, "test", time.Now())
		return err
	})
}

// TestDeviceSignsIn: a telephone of the inventory registers and calls by its own password, as its own extensions only, and nobody else's password does.
func TestDeviceSignsIn(t *testing.T) {
	l := newLab(t, nil)
	k, other := l.inventoried(deskMAC), l.inventoried(otherMAC)
	a, b := l.desk("2001", deskMAC, k.Current), l.phone("2002", netip.MustParseAddr("127.0.0.1"))
	if got := asks(t, a); got != 200 || l.bindings("2001") != 1 {
		t.Fatalf("%d", got)
	}
	asks(t, b)
	l.call(a, b)
	l.put(provisioning.Extension{Number: "2003"})
	for what, p := range map[string]*siptest.Phone{
		"the password of another device": l.desk("2001", deskMAC, provisioning.DevicePassword{Generation: k.Current.Generation, Secret: other.Current.Secret}),
		"another generation":             l.desk("2001", deskMAC, provisioning.DevicePassword{Generation: "aaaaaa", Secret: k.Current.Secret}),
		"another device's name":          l.desk("2001", otherMAC, k.Current),
		"an extension of others":         l.desk("2003", deskMAC, k.Current),
	} {
		if got := asks(t, p); got != 401 {
			t.Errorf("%s: %d", what, got)
		}
	}
	wrong := l.desk("2002", deskMAC, k.Current) // as 2001, for the address of 2002: each line has its own name
	wrong.Auth = siptest.Digest(provisioning.DeviceLogin("2001", deskMAC, k.Current.Generation), k.Current.Secret)
	if got := asks(t, wrong); got != 403 {
		t.Errorf("another line's name: %d", got)
	}
}

// call lets one telephone call another and hang up.
func (l *lab) call(a, b *siptest.Phone) {
	l.t.Helper()
	inv, ok := l.talks(a, b)
	a.Send(a.InDialog("BYE", inv, ok))
	b.Reply(b.Expect("BYE"), 200, nil)
	a.ExpectStatus(200, "BYE")
}

// talks lets one telephone call another.
func (l *lab) talks(a, b *siptest.Phone) (inv *stack.Request, ok *stack.Response) {
	l.t.Helper()
	inv = l.authorised(a, unlike(a, callTo(a, b.Name)))
	rung := b.Expect("INVITE")
	b.Reply(rung, 200, func(r *stack.Response) { r.SetBody("application/sdp", offer(b.Addr.Addr())) })
	for ok = a.ExpectStatus(200, "INVITE"); ok.Status != 200; {
	}
	a.Ack(inv, ok)
	b.Expect("ACK")
	return inv, ok
}

// TestDeviceIsStopped: locked, quarantined, wiped or deleted it is registered no more, its call ends, its password is refused, and the extension's other
// telephone stays; taken back it registers again, but for one that was wiped.
func TestDeviceIsStopped(t *testing.T) {
	l := newLab(t, nil)
	for i, state := range []string{provisioning.DeviceLocked, provisioning.DeviceQuarantined, provisioning.DeviceWiped, "deleted"} {
		k := l.inventoried(deskMAC)
		a, b := l.desk("2001", deskMAC, k.Current), l.phone("2002", netip.MustParseAddr("127.0.0.1"))
		soft := l.phone("2001", netip.MustParseAddr("127.0.0.1"))
		if i > 0 { // the other one of before runs out by itself
			l.p.registrar.Remove("2001@"+l.p.config.Domain, "deactivated")
			l.p.registrar.Remove("2002@"+l.p.config.Domain, "deactivated")
		}
		if got := []int{asks(t, soft), asks(t, b), asks(t, a)}; !slices.Equal(got, []int{200, 200, 200}) {
			t.Fatalf("%s: %v", state, got)
		}
		l.talks(a, b)
		began := time.Now()
		if state == "deleted" {
			l.update(func(w provisioning.Writer) error {
				return provisioning.Delete[provisioning.ManagedDevice](w, l.p.config.Domain, deskMAC, "")
			})
		} else {
			l.state(deskMAC, state)
		}
		waitFor(t, func() bool { return l.bindings("2001") == 1 })
		a.Reply(a.Expect("BYE"), 200, nil)
		b.Reply(b.Expect("BYE"), 200, nil)
		t.Logf("%s: all ended after %v", state, time.Since(began))
		want := 403
		if state == provisioning.DeviceWiped || state == "deleted" {
			want = 401 // there is no password any more
		}
		if got := asks(t, a); got != want {
			t.Errorf("%s: %d, want %d", state, got, want)
		}
		if state == "deleted" {
			continue
		}
		l.state(deskMAC, "")
		want = 200
		if state == provisioning.DeviceWiped {
			want = 401
		}
		if got := asks(t, a); got != want {
			t.Errorf("%s and back: %d, want %d", state, got, want)
		}
	}
}

// TestRotationMissesNoCall: both passwords count until every line is registered with the new one; then the old one is refused.
func TestRotationMissesNoCall(t *testing.T) {
	l := newLab(t, nil)
	k := l.inventoried(deskMAC)
	first, second, caller := l.desk("2001", deskMAC, k.Current), l.desk("2002", deskMAC, k.Current), l.phone("2001", netip.MustParseAddr("127.0.0.1"))
	for _, p := range []*siptest.Phone{first, second} {
		if got := asks(t, p); got != 200 {
			t.Fatalf("%d", got)
		}
	}
	l.update(func(w provisioning.Writer) error {
		return provisioning.RotateDevice(w, l.p.config.Domain, deskMAC, time.Now())
	})
	k, _ = l.p.directory.Snapshot().DeviceKeys(l.p.config.Domain, deskMAC)
	old, next := k.Current, *k.Next
	l.call(caller, second) // by the old one still
	relearn := func(p *siptest.Phone) {
		p.Auth = siptest.Digest(provisioning.DeviceLogin(p.Name, deskMAC, next.Generation), next.Secret)
		if got := asks(t, p); got != 200 {
			t.Fatalf("the new password: %d", got)
		}
	}
	relearn(first)
	l.call(caller, second) // its own line has not moved yet, and is not ended by the other one's
	if k, _ := l.p.directory.Snapshot().DeviceKeys(l.p.config.Domain, deskMAC); k.Next == nil {
		t.Fatal("settled although a line has the old password")
	}
	if got := asks(t, second); got != 200 {
		t.Fatalf("the old password while the new one is on its way: %d", got)
	}
	relearn(second)
	waitFor(t, func() bool {
		k, _ := l.p.directory.Snapshot().DeviceKeys(l.p.config.Domain, deskMAC)
		return k.Next == nil && k.Current == next
	})
	l.call(caller, second)
	if got := asks(t, l.desk("2001", deskMAC, old)); got != 401 {
		t.Errorf("the old password counts: %d", got)
	}
	if l.bindings("2002") != 1 {
		t.Errorf("%d registrations", l.bindings("2002"))
	}
}
