package carrier

import (
	"context"
	"fmt"
	"net/netip"
	"testing"

	"naisen/loadtest/peer"
)

func TestSwitchIP(t *testing.T) {
	l := newLab(t, peer.Options{})
	l.peer = l.open(IPCarrier(Contract{Sources: []netip.Prefix{netip.PrefixFrom(l.at.Addr(), 32)}, Numbers: []string{did}}), Options{Local: at(host()), Remote: l.at})
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
	l.nothingLeft()
}
