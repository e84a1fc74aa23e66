package relay

import (
	"net/netip"
	"testing"
	"time"
)

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func TestLearner(t *testing.T) {
	const (
		window = 5 * time.Second
		ms     = time.Millisecond
	)
	negotiated, nat, natOther, evil := ap("192.168.1.5:4000"), ap("203.0.113.9:61000"), ap("203.0.113.9:61002"), ap("198.51.100.66:5000")
	type step struct {
		at    time.Duration
		src   netip.AddrPort
		count int // packets, 20 ms apart
		want  verdict
	}
	tests := []struct {
		name    string
		vouched string
		steps   []step
		target  netip.AddrPort
	}{
		{"negotiated speaks", "", []step{{0, negotiated, 1, accept}}, negotiated},
		{"pinned to the negotiated", "", []step{{0, negotiated, 1, accept}, {20 * ms, evil, 50, stranger}, {2 * time.Second, negotiated, 1, accept}}, negotiated},
		{"NAT, nobody vouches: probation", "", []step{{0, nat, 25, early}, {500 * ms, nat, 1, accept}}, nat},
		{"probation in time but too few", "", []step{{0, nat, 1, early}, {150 * ms, nat, 1, early}, {300 * ms, nat, 1, early}, {450 * ms, nat, 1, early}, {600 * ms, nat, 1, early}}, negotiated},
		{"stranger first, negotiated soon after", "", []step{{0, evil, 20, early}, {400 * ms, negotiated, 1, accept}, {420 * ms, evil, 100, stranger}}, negotiated},
		{"stranger learned, negotiated takes over in the window", "", []step{{0, evil, 25, early}, {500 * ms, evil, 1, accept}, {time.Second, negotiated, 1, accept}, {1020 * ms, evil, 1, stranger}}, negotiated},
		{"learned is pinned after the window", "", []step{{0, nat, 25, early}, {500 * ms, nat, 1, accept}, {6 * time.Second, negotiated, 1, stranger}, {6020 * ms, nat, 1, accept}}, nat},
		{"two at once: neither", "", []step{{0, nat, 5, early}, {100 * ms, evil, 1, stranger}, {120 * ms, nat, 10, early}, {330 * ms, evil, 1, stranger}, {350 * ms, nat, 20, early}}, negotiated},
		{"window over", "", []step{{5001 * ms, nat, 100, stranger}, {8 * time.Second, negotiated, 1, accept}}, negotiated},
		{"signalling says where: NAT at once", "203.0.113.9", []step{{0, nat, 2, early}, {40 * ms, nat, 1, accept}}, nat},
		{"signalling says where: others never", "203.0.113.9", []step{{0, evil, 100, stranger}, {3 * time.Second, nat, 2, early}, {3040 * ms, nat, 1, accept}}, nat},
		{"not behind NAT but another port: full probation", "192.168.1.5", []step{{0, ap("192.168.1.5:9999"), 25, early}, {500 * ms, ap("192.168.1.5:9999"), 1, accept}}, ap("192.168.1.5:9999")},
		{"another port of the same host gives way whenever the negotiated one speaks", "192.168.1.5", []step{{0, ap("192.168.1.5:9999"), 25, early},
			{500 * ms, ap("192.168.1.5:9999"), 1, accept}, {6 * time.Second, negotiated, 1, accept}, {6020 * ms, ap("192.168.1.5:9999"), 50, stranger}}, negotiated},
		{"second port of the same host", "203.0.113.9", []step{{0, nat, 2, early}, {40 * ms, nat, 1, accept}, {60 * ms, natOther, 5, stranger}}, nat},
		{"no source", "", []step{{0, netip.AddrPort{}, 3, stranger}}, negotiated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var l learner
			var vouched netip.Addr
			if tt.vouched != "" {
				vouched = netip.MustParseAddr(tt.vouched)
			}
			l.renew(false, negotiated, vouched, 0, window)
			for i, st := range tt.steps {
				for k := range st.count {
					now := int64(st.at) + int64(k)*int64(20*ms)
					if got := l.admit(st.src, 7, now); got != st.want {
						t.Fatalf("step %d packet %d: %v, want %v", i, k, got, st.want)
					}
				}
			}
			if l.target() != tt.target {
				t.Errorf("target %v, want %v", l.target(), tt.target)
			}
		})
	}
}

func TestLearnerRenew(t *testing.T) {
	a, b, nat := ap("10.0.0.1:4000"), ap("10.0.0.2:4000"), ap("203.0.113.9:61000")
	var l learner
	l.renew(false, a, nat.Addr(), 0, time.Second)
	for i := range int64(3) {
		l.admit(nat, 1, i)
	}
	l.renew(false, a, nat.Addr(), 10, time.Second)
	if l.target() != nat {
		t.Error("a re-INVITE with the same address lost the learned one")
	}
	l.renew(false, b, nat.Addr(), 20, time.Second)
	if l.target() != b {
		t.Error("a new address was not taken")
	}
	l.renew(true, b, nat.Addr(), 30, time.Second)
	l.authentic(nat)
	if l.renew(false, b, nat.Addr(), 40, time.Second); l.target() != b {
		t.Error("what a key proved was kept without a key")
	}
}

func TestLearnerSecure(t *testing.T) {
	a, b := ap("10.0.0.1:4000"), ap("203.0.113.9:61000")
	var l learner
	l.renew(true, a, netip.Addr{}, 0, time.Second)
	if l.admit(b, 1, 0) != accept || l.target() != a {
		t.Fatal("a secure leg must try every source and learn from none before authentication")
	}
	if !l.authentic(b) || l.target() != b {
		t.Error("an authentic source was not learned")
	}
	if !l.authentic(a) || l.target() != a || l.authentic(a) {
		t.Error("the peer moved back and was not followed")
	}
}

func TestLearnerExtend(t *testing.T) {
	a, nat := ap("10.0.0.1:4000"), ap("203.0.113.9:61000")
	var l learner
	l.renew(false, a, nat.Addr(), 0, time.Second)
	l.extend(int64(10*time.Second), time.Second)
	for i := range int64(3) {
		l.admit(nat, 1, int64(10*time.Second)+i)
	}
	if l.target() != nat {
		t.Error("the window was not reopened")
	}
}

func TestStream(t *testing.T) {
	ms := int64(time.Millisecond)
	var s stream
	check := func(name string, ssrc uint32, seq uint16, at int64, wantOK, wantNewest bool) {
		t.Helper()
		if ok, newest := s.take(ssrc, seq, at); ok != wantOK || newest != wantNewest {
			t.Errorf("%s: %v %v, want %v %v", name, ok, newest, wantOK, wantNewest)
		}
	}
	check("first", 1, 65534, 0, true, true)
	check("next", 1, 65535, 20*ms, true, true)
	check("wrap", 1, 0, 40*ms, true, true)
	check("reordered", 1, 65533, 41*ms, true, false)
	check("new source at once", 2, 9000, 60*ms, true, true)
	check("late packet of the old one", 1, 1, 61*ms, false, false)
	check("the new one goes on", 2, 9001, 80*ms, true, true)
	check("the old one comes back later", 1, 2, 500*ms, true, true)
	check("a third", 3, 5, 520*ms, true, true)
}
