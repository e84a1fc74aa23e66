package phones

import (
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// TestWatching: real phones subscribe to their messages and to a colleague's presence, and publish their own. Who is told that a
// colleague is online sees him go offline when his phone goes.
func TestWatching(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	one := peer.Phone{Domain: p.Domain, Proxy: p.UDP, Transport: "udp", Hz: deskHz, Register: true}
	boss, clerk := one, one
	boss.User, boss.Password, boss.Mailbox, boss.Watch = "2001", p.Passwords["2001"], true, []string{"2002"}
	clerk.User, clerk.Password, clerk.Publish = "2002", p.Passwords["2002"], true
	c := phone(t, clerk)
	b := subscriber(t, boss) // told, although nothing waits
	var asked time.Time
	must(t, peer.Until(40*time.Second, func() bool { // it prints later changes only; asked many times a second by its control port baresip 1.0 goes deaf
		if time.Since(asked) < 2*time.Second {
			return false
		}
		asked = time.Now()
		text, err := b.Ask("contacts", "")
		return err == nil && strings.Contains(text, "Online")
	}))
	// baresip publishes when it starts and when it is registered; where these cross, each makes a publication of its own (RFC 3903 section 4.1).
	for metric, want := range map[string][2]float64{`naisen_subscriptions{package="message-summary"}`: {1, 1}, `naisen_subscriptions{package="presence"}`: {1, 1},
		"naisen_publications": {1, 2}, "naisen_notifies_failed_total": {0, 0}} {
		v := -1.0
		if peer.Until(30*time.Second, func() (ok bool) {
			var err error
			v, err = p.Metric(t.Context(), metric)
			return err == nil && v >= want[0] && v <= want[1]
		}) != nil {
			t.Errorf("%s is %v, want %v", metric, v, want)
		}
	}
	c.Stop() // unregisters
	must(t, b.Saw("Offline", 30*time.Second))
}

// TestLinphoneWatches: another make of phone sees a colleague come and go.
func TestLinphoneWatches(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	clerk := desk(t, p, "2002", otherHz, false)
	l, err := peer.StartLinphone(t.TempDir(), peer.Phone{User: "2001", Domain: p.Domain, Password: p.Passwords["2001"], Proxy: p.UDP, Hz: carrierHz,
		Watch: []string{"2002"}})
	must(t, err)
	t.Cleanup(l.Stop)
	must(t, l.Saw("<sip:2002@"+p.Domain+"> is Online", 40*time.Second))
	clerk.Stop()
	must(t, l.Saw("<sip:2002@"+p.Domain+"> is Offline", 40*time.Second))
}
