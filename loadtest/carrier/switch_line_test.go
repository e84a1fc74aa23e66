package carrier

import (
	"context"
	"fmt"
	"testing"

	"naisen/loadtest/peer"
	"naisen/sip/resolve/resolvetest"
)

// named starts a name server for one carrier, and gives the configuration that asks it.
func named(t *testing.T, records string) (*resolvetest.Server, peer.Options) {
	t.Helper()
	s := resolvetest.Start(t, records)
	return s, peer.Options{SIP: fmt.Sprintf("dns: [%q]", s.Addr)}
}

// at makes the records of a carrier on UDP.
func records(u *UA, name string) string {
	return fmt.Sprintf("%s. 60 IN A %s\n_sip._udp.%s. 60 IN SRV 0 0 %d %s.\n", name, u.Addr().Addr(), name, u.Addr().Port(), name)
}

// registered waits until the switch's line is bound at the peer.
func (l *lab) registered(r *Registrar) {
	l.Helper()
	l.must(l.peer.until(l.Context(), "registration", func() bool { return r.contact != "" }))
}

func TestSwitchDigest(t *testing.T) {
	dns, options := named(t, "")
	l := newLab(t, options)
	a := account()
	a.MinExpires = 120 // more than what is asked for: 423
	p, r := DigestCarrier(a)
	l.peer = l.open(p, Options{Local: at(host()), Remote: l.at, Script: reliably})
	dns.Set(t, records(l.peer, "carrier.example"))
	l.trunk("digest", map[string]any{"host": "carrier.example", "username": "line1", "realm": "carrier.example", "session_expires": 90, "register_seconds": 60})
	l.put("trunks/carrier/secret", map[string]any{"secret": account().Password})
	l.registered(r)
	l.calls(l.dial(abroad), r.Dial(l.peer, did, abroad))
	l.failures()
	l.nothingLeft()
}

func TestSwitchBulk(t *testing.T) {
	dns, options := named(t, "")
	l := newLab(t, options)
	p, r := Bulk(account())
	l.peer = l.open(p, Options{Local: at(host()), Remote: l.at})
	dns.Set(t, records(l.peer, "carrier.example"))
	l.trunk("gin", map[string]any{"host": "carrier.example", "username": "line1", "realm": "carrier.example"})
	l.put("trunks/carrier/secret", map[string]any{"secret": account().Password})
	l.registered(r)
	l.calls(l.dial(abroad), r.DialBulk(l.peer, "+81312345678", "+819098765432"))
	l.failures()
	l.nothingLeft()
}

func TestSwitchNGN(t *testing.T) {
	l := newLab(t, peer.Options{})
	line := NGNLine{Customer: l.at, Numbers: []string{did, "0312345679"}, Interval: 12}
	l.peer = l.open(NGN(line), Options{Local: at(host()), Remote: l.at, Script: reliably})
	l.trunk("ngn", map[string]any{"source_port": l.at.Port()})
	l.calls(l.dial(abroad), line.Dial(l.peer.Addr().Addr(), did, abroad))
	near, far := l.call(l.peer, l.phone, line.Dial(l.peer.Addr().Addr(), did, ""))
	l.both(near, far)

	// A call that lives through two session intervals is refreshed by UPDATE each time.
	near, far = l.call(l.phone, l.peer, l.dial(abroad))
	l.must(l.peer.until(t.Context(), "two refreshes", func() bool { return far.refreshed >= 2 }))
	l.both(near, far)
	l.failures()
	l.nothingLeft()
}

// failures: what the peer refuses with reaches the phone.
func (l *lab) failures() { l.failuresOf(abroad) }

func (l *lab) failuresOf(number string) {
	l.Helper()
	for _, status := range []int{486, 404, 603} {
		l.peer.SetScript(func(_ context.Context, c *Call) error { c.Reject(status); return nil })
		l.refused(l.dial(number), status)
	}
	l.cancelled(number)
}

// cancelled: the phone gives up while the peer rings.
func (l *lab) cancelled(number string) {
	l.Helper()
	l.peer.SetScript(func(ctx context.Context, c *Call) error { return c.Ring(ctx, 180, Ring{}) })
	d := l.dial(number)
	d.Ringing = func(m *Message) {
		if m.Status == 180 {
			l.phone.running.Go(func() {
				if _, err := l.phone.Cancel(l.Context(), m); err != nil {
					l.phone.fail(err)
				}
			})
		}
	}
	l.refused(d, 487)
	_, err := l.peer.Await(l.Context(), "CANCEL", func(m *Message) bool { return m.Name() == "CANCEL" })
	l.must(err)
}
