package carrier

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"naisen/loadtest/peer"
)

// contract is of a line that the switch is.
func contract(l *lab) Contract {
	return Contract{Sources: []netip.Prefix{netip.PrefixFrom(l.at.Addr(), 32)}, Numbers: []string{did}}
}

func TestSwitchIP(t *testing.T) {
	l := newLab(t, peer.Options{})
	l.peer = l.open(IPCarrier(contract(l)), Options{Local: at(host()), Remote: l.at})
	l.trunk("ip", nil)
	in := Dial{URI: fmt.Sprintf("sip:+81312345678@%s", l.at), From: fmt.Sprintf("<sip:+819098765432@%s>", l.peer.Addr())}
	l.calls(l.dial(abroad), in)

	// Early media, then ringing, then ringing again by another way, then a late answer.
	l.peer.SetScript(func(ctx context.Context, c *Call) error {
		for _, r := range []struct {
			status int
			Ring
		}{{183, Ring{SDP: true}}, {180, Ring{}}, {181, Ring{}}, {180, Ring{}}} {
			if err := c.Ring(ctx, r.status, r.Ring); err != nil {
				return err
			}
		}
		return c.Answer(ctx)
	})
	near, far := l.call(l.phone, l.peer, l.dial(abroad))
	l.both(near, far)

	l.failures()
	l.withheld()
	l.paced()
	l.nothingLeft()
}

// withheld: 184 keeps the number from the called person, not from the carrier; 186 shows it.
func (l *lab) withheld() {
	l.Helper()
	l.peer.SetScript(nil)
	for prefix, anonymous := range map[string]bool{"184": true, "186": false} {
		near, far := l.call(l.phone, l.peer, l.dial(prefix+abroad))
		if got := strings.Contains(far.Asks.Get("from"), "anonymous"); got != anonymous || far.Asks.Count("p-asserted-identity") != 1 {
			l.Errorf("%s: From %s, P-Asserted-Identity %q", prefix, far.Asks.Get("from"), far.Asks.Get("p-asserted-identity"))
		}
		l.both(near, far)
	}
}

// paced: what the carrier refused with Retry-After is not sent there again before that, which the rule "pacing" sees.
func (l *lab) paced() {
	l.Helper()
	l.peer.SetScript(func(_ context.Context, c *Call) error {
		c.Reject(503, headers("Retry-After", "60")...)
		return nil
	})
	for range 2 {
		_, resp, err := l.phone.Call(l.Context(), l.dial(abroad))
		l.must(err)
		if resp.Status < 500 {
			l.Errorf("%d while the carrier takes no calls", resp.Status)
		}
		l.phone.forget()
	}
}
