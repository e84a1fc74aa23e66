package carrier

import (
	"encoding/json"
	"net/netip"
	"os"
	"strings"
	"testing"

	"naisen/loadtest/peer"
)

var bin string // the switch, built once for all tests

func TestMain(m *testing.M) { os.Exit(peer.Main(m, &bin, 6)) }

// lab is the real switch with a desk phone and one peer.
type lab struct {
	*testing.T
	pbx   *peer.PBX
	phone *UA // extension 2001, registered
	peer  *UA
	at    netip.AddrPort // of the switch
	keys  *digest
}

// newLab starts a switch and registers a phone.
func newLab(t *testing.T, o peer.Options) *lab {
	t.Parallel()
	l := &lab{T: t}
	var err error
	l.pbx, err = peer.NewPBX(bin, t.TempDir(), o)
	l.must(err)
	l.must(l.pbx.Run(t.Context()))
	t.Cleanup(func() {
		l.pbx.Stop()
		if t.Failed() {
			t.Logf("switch said:\n%s", l.pbx.Output())
		}
	})
	l.must(l.pbx.SignIn(t.Context()))
	l.at = netip.MustParseAddrPort(l.pbx.UDP)
	l.put("dids/+81312345678", map[string]any{"number": "+81312345678", "to": []string{"2001"}})
	l.phone = l.open(plainClient(g711...), Options{Local: at(host()), Remote: l.at, User: "2001"})
	l.keys = l.registerAs(l.phone, "2001", l.pbx.Passwords["2001"])
	return l
}

func (l *lab) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// open makes a UA that ends with the test, and in which nothing may go wrong.
func (l *lab) open(p Profile, o Options) *UA {
	l.Helper()
	u, err := New(o, p)
	l.must(err)
	l.Cleanup(func() {
		if err := u.Errors(); err != nil {
			l.Errorf("%s: %v", p.Name, err)
		}
		if text := told(u); text != "" {
			l.Errorf("refused:\n%s", text)
		}
		if l.Failed() {
			l.Logf("%s saw\n%s", p.Name, u.Trace())
		}
		u.Close()
	})
	return u
}

func (l *lab) put(path string, body any) {
	l.Helper()
	status, answer, err := l.pbx.Do(l.Context(), "PUT", path, body)
	l.must(err)
	if status/100 != 2 {
		l.Fatalf("PUT %s: %d %s", path, status, answer)
	}
}

// trunk makes the trunk of the peer: what every profile needs, and more.
func (l *lab) trunk(profile string, more map[string]any) {
	l.Helper()
	t := map[string]any{"name": "carrier", "profile": profile, "host": l.peer.Addr().String(), "transport": "udp", "sources": []string{l.peer.Addr().Addr().String() + "/32"},
		"prefixes": []string{"0", "1"}, "media": "srtp-forbidden", "caller_id": "+81312345678", "options_seconds": -1, "did_from": []string{}}
	for k, v := range more {
		t[k] = v
	}
	l.put("trunks/carrier", t)
}

// registerAs signs a phone in and gives its credentials.
func (l *lab) registerAs(u *UA, user, password string) *digest {
	l.Helper()
	keys := newDigest(l.pbx.Domain, user, password, "MD5")
	aor, uri := "<sip:"+user+"@"+l.pbx.Domain+">", "sip:"+l.pbx.Domain
	id := word()
	resp, err := u.Ask(l.Context(), "REGISTER", uri, aor, aor, id, 1, headers("Expires", "300")...)
	if err == nil && resp.Status == 401 {
		resp, err = u.Ask(l.Context(), "REGISTER", uri, aor, aor, id, 2, append(headers("Expires", "300"), keys.answer(resp, "REGISTER", uri, 1))...)
	}
	l.must(fine(resp, err))
	return keys
}

// secretIn finds the password that the API made.
func secretIn(answer []byte) string {
	var v struct{ Secret, Password string }
	if json.Unmarshal(answer, &v) != nil {
		return ""
	}
	return v.Secret + v.Password
}

// dial is a call of the phone.
func (l *lab) dial(number string) Dial {
	return Dial{URI: "sip:" + number + "@" + l.pbx.Domain, From: "<sip:2001@" + l.pbx.Domain + ">",
		Credentials: func(challenge *Message, uri string, n int) Field { return l.keys.answer(challenge, "INVITE", uri, n) }}
}

// both hear the other; then one hangs up, and the call ends at the other.
func (l *lab) both(hangs, other *Call) {
	l.Helper()
	ctx := l.Context()
	l.must(hangs.Talk(ctx, 5))
	l.must(other.Talk(ctx, 5))
	l.must(hangs.Heard(ctx, 3))
	l.must(other.Heard(ctx, 3))
	l.must(hangs.Hangup(ctx))
	_, err := other.Over(ctx)
	l.must(err)
	l.phone.forget()
	l.peer.forget()
}

// call dials from one and waits until the other has it.
func (l *lab) call(from, to *UA, d Dial) (near, far *Call) {
	l.Helper()
	c, resp, err := from.Call(l.Context(), d)
	l.must(fine(resp, err))
	far, err = to.Incoming(l.Context())
	l.must(err)
	return c, far
}

// calls goes both ways, and each side hangs up once.
func (l *lab) calls(out, in Dial) {
	l.Helper()
	near, far := l.call(l.phone, l.peer, out)
	l.both(near, far)
	near, far = l.call(l.phone, l.peer, out)
	l.both(far, near)
	near, far = l.call(l.peer, l.phone, in)
	l.both(near, far)
	near, far = l.call(l.peer, l.phone, in)
	l.both(far, near)
}

// refused dials and wants that final response.
func (l *lab) refused(d Dial, status int) {
	l.Helper()
	_, resp, err := l.phone.Call(l.Context(), d)
	l.must(err)
	if resp.Status != status {
		l.Errorf("%d to %s, want %d", resp.Status, d.URI, status)
	}
	l.phone.forget()
	l.peer.forget()
}

// nothingLeft waits until the switch holds no call any more.
func (l *lab) nothingLeft() {
	l.Helper()
	for _, name := range []string{"naisen_calls", "naisen_sip_sessions", "naisen_media_endpoints"} {
		var v float64
		var err error
		if peer.Until(patience, func() bool { v, err = l.pbx.Metric(l.Context(), name); return err == nil && v == 0 }) != nil {
			l.Errorf("%s is %v at the end (%v)", name, v, err)
		}
	}
	if strings.Contains(l.pbx.Output(), "panic") {
		l.Error("the switch panicked")
	}
}
