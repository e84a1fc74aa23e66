package dialog_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

func TestDigitsFromPeer(t *testing.T) {
	play(t, "info", dialog.Config{}, func(b *bench) {
		r, resp, l := b.up(nil)
		for _, tc := range []struct {
			kind, body string
			status     int
		}{
			{"application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", 200}, {"application/dtmf-relay", "Signal= 11\r\nDuration= 250", 200},
			{"application/dtmf", "*", 200}, {"application/dtmf-relay", "Signal=x", 400}, {"text/plain", "5", 415}, {"", "", 200},
			{"application/dtmf-relay", strings.Repeat("x", 2000), 413},
		} {
			info := b.alice.InDialog("INFO", r, resp)
			if tc.body != "" {
				info.SetBody(tc.kind, []byte(tc.body))
			}
			b.alice.Send(info)
			b.alice.ExpectStatus(tc.status, "INFO")
		}
		pkg := b.alice.InDialog("INFO", r, resp)
		pkg.Set("Info-Package", "g3p")
		b.alice.Send(pkg)
		b.alice.ExpectStatus(469, "INFO")
		l.want("digit 5 160ms", "digit # 250ms", "digit * 160ms")
		hangUp(l, b.alice)
	})
}

func TestDigitsToPeerStayInOrder(t *testing.T) {
	play(t, "info-ours", dialog.Config{}, func(b *bench) {
		_, _, l := b.upOut(nil, nil)
		for _, r := range "1x#!" {
			l.Digit(r)
		}
		for _, want := range []string{"Signal=1\r\nDuration=160\r\n", "Signal=#\r\nDuration=160\r\n", "Signal=16\r\nDuration=160\r\n"} {
			r := b.bob.Expect("INFO")
			if string(r.Body) != want || r.Get("Content-Type") != "application/dtmf-relay" {
				t.Errorf("%q", r.Body)
			}
			b.bob.Silence(50 * time.Millisecond)
			b.bob.Reply(r, 415, nil)
		}
		wait(50 * time.Millisecond)
		l.want()
		hangUp(l, b.bob)
	})
}

func TestOtherMethodsInDialog(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		r, resp, l := b.up(nil)
		for method, status := range map[string]int{"OPTIONS": 200, "MESSAGE": 405, "SUBSCRIBE": 405, "FOO": 405} {
			q := b.alice.InDialog(method, r, resp)
			b.alice.Send(q)
			if got := b.alice.ExpectStatus(status, method); !got.Has("Allow") {
				t.Errorf("%s: no Allow", method)
			}
		}
		q := b.alice.InDialog("OPTIONS", r, resp)
		q.Set("Require", "teleport")
		b.alice.Send(q)
		if got := b.alice.ExpectStatus(420, "OPTIONS"); got.Get("Unsupported") != "teleport" {
			t.Errorf("%+v", got)
		}
		l.want()
		hangUp(l, b.alice)
	})
}

func TestPeerRefersUs(t *testing.T) {
	play(t, "refer-peers", dialog.Config{}, func(b *bench) {
		r, resp, l := b.up(nil)
		refer := b.alice.InDialog("REFER", r, resp)
		refer.Set("Refer-To", "<sip:2002@pbx.example?Replaces=abc%40x%3Bto-tag%3D1%3Bfrom-tag%3D2>")
		refer.Set("Referred-By", "<sip:alice@pbx.example>")
		b.alice.Send(refer)
		wait(20 * time.Millisecond)
		e, ok := l.take()[0].(dialog.Referred)
		if !ok || e.To.String() != "sip:2002@pbx.example" || e.ReplacesCallID != "abc@x" || e.ReplacesTo != "1" || e.ReplacesFrom != "2" ||
			e.ReferredBy != "<sip:alice@pbx.example>" {
			t.Errorf("%+v", e)
		}
		l.ReferProgress(sip.StatusCause(100))
		l.ReferProgress(sip.StatusCause(180))
		l.ReferProgress(sip.CauseNormal)
		l.ReferProgress(sip.CauseBusy) // after the last word: nothing
		b.alice.ExpectStatus(202, "REFER")
		for _, want := range []string{"100 Trying/active;expires=180", "200 OK/terminated;reason=noresource"} {
			n := b.alice.Expect("NOTIFY")
			if got := strings.TrimSpace(strings.TrimPrefix(string(n.Body), "SIP/2.0 ")) + "/" + n.Get("Subscription-State"); got != want || n.Get("Event") != "refer" {
				t.Errorf("NOTIFY %s, want %s", got, want)
			}
			b.alice.Reply(n, 200, nil)
			wait(20 * time.Millisecond)
		}
		second := b.alice.InDialog("REFER", r, resp)
		second.Set("Refer-To", "<sip:2003@pbx.example>")
		b.alice.Send(second)
		wait(20 * time.Millisecond)
		l.ReferProgress(sip.StatusCause(503))
		b.alice.ExpectStatus(202, "REFER")
		n := b.alice.Expect("NOTIFY")
		seq, _ := second.CSeq()
		if n.Get("Event") != fmt.Sprintf("refer;id=%d", seq) {
			t.Errorf("Event %q", n.Get("Event"))
		}
		b.alice.Reply(n, 481, nil)
		wait(20 * time.Millisecond)
		l.want("referred sip:2003@pbx.example")
		hangUp(l, b.alice)
	})
}

func TestPeersReferIsRefused(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		r, resp, l := b.up(nil)
		for to, status := range map[string]int{"": 400, "<sip:a@b>, <sip:c@d>": 400, "<sip:a@b;method=BYE>": 603, "<sip:a@b?Replaces=x>": 400, "<mailto:a@b>": 400} {
			refer := b.alice.InDialog("REFER", r, resp)
			if to != "" {
				refer.Set("Refer-To", to)
			}
			b.alice.Send(refer)
			b.alice.ExpectStatus(status, "REFER")
		}
		refer := b.alice.InDialog("REFER", r, resp)
		refer.Set("Refer-To", "<sip:premium@x>")
		b.alice.Send(refer)
		wait(20 * time.Millisecond)
		l.Refuse(sip.CauseForbidden)
		b.alice.ExpectStatus(403, "REFER")
		l.want("referred sip:premium@x")
		open := b.alice.InDialog("REFER", r, resp)
		open.Set("Refer-To", "<sip:2002@x>")
		b.alice.Send(open)
		wait(20 * time.Millisecond)
		b.alice.Send(b.alice.InDialog("BYE", r, resp)) // C22: hangs up before we said anything
		b.alice.ExpectStatus(200, "BYE")
		b.alice.ExpectStatus(481, "REFER")
		l.want("referred sip:2002@x", "ended 200/16 by peer")
		l.ReferProgress(sip.CauseNormal)
		b.alice.Silence(time.Second)
	})
}

func TestWeReferPeer(t *testing.T) {
	play(t, "refer-ours", dialog.Config{}, func(b *bench) {
		r, resp, l := b.upOut(nil, nil)
		_, _, other := b.up(nil)
		l.Refer(sip.URI{Scheme: "sip", User: "2002", Host: "pbx.example"}, other.Session)
		refer := b.bob.Expect("REFER")
		want := fmt.Sprintf("<sip:2002@pbx.example?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s>", other.CallID(), other.RemoteTag(), other.LocalTag())
		if refer.Get("Refer-To") != want || refer.Get("Referred-By") != "<sip:2001@pbx.example>" {
			t.Errorf("Refer-To %s, want %s", refer.Get("Refer-To"), want)
		}
		b.bob.Reply(refer, 202, nil)
		for status, state := range map[string]string{"SIP/2.0 100 Trying": "active;expires=60"} {
			n := b.bob.FromCallee("NOTIFY", r, resp)
			n.Set("Event", "refer")
			n.Set("Subscription-State", state)
			n.SetBody("message/sipfrag;version=2.0", []byte(status))
			b.bob.Send(n)
			b.bob.ExpectStatus(200, "NOTIFY")
		}
		n := b.bob.FromCallee("NOTIFY", r, resp)
		n.Set("Event", "presence")
		b.bob.Send(n)
		b.bob.ExpectStatus(489, "NOTIFY")
		n = b.bob.FromCallee("NOTIFY", r, resp)
		n.Set("Event", "refer")
		n.Set("Subscription-State", "terminated;reason=noresource")
		n.SetBody("message/sipfrag", []byte("SIP/2.0 200 OK\r\n"))
		b.bob.Send(n)
		b.bob.ExpectStatus(200, "NOTIFY")
		l.want("refer 100", "refer 200")
		n = b.bob.FromCallee("NOTIFY", r, resp)
		n.Set("Event", "refer")
		b.bob.Send(n)
		b.bob.ExpectStatus(481, "NOTIFY")
		l.Refer(sip.URI{Scheme: "sip", User: "2003", Host: "pbx.example"}, nil)
		b.bob.Reply(b.bob.Expect("REFER"), 603, nil)
		wait(20 * time.Millisecond)
		l.want("refer 603")
		l.Refer(sip.URI{Scheme: "sip", User: "2003", Host: "pbx.example"}, nil)
		b.bob.Reply(b.bob.Expect("REFER"), 202, nil)
		wait(4 * time.Minute)
		l.want("refer 408")
		hangUp(l, b.bob)
		hangUp(other, b.alice)
	})
}

func TestTrunkChallenges(t *testing.T) {
	play(t, "challenge", dialog.Config{}, func(b *bench) {
		answer := siptest.Digest("pbx", "secret")
		l := b.invite(func(i *dialog.Invite) { i.Authorize = answer })
		challenge := func(r *stack.Response) {
			r.Set("Proxy-Authenticate", `Digest realm="carrier", nonce="n", algorithm=MD5, qop="auth"`)
		}
		r := b.bob.Expect("INVITE")
		b.bob.Reply(r, 407, challenge)
		b.bob.Expect("ACK")
		again := b.bob.Expect("INVITE")
		if !again.Has("Proxy-Authorization") || again.Get("CSeq") != "2 INVITE" || again.CallID() != r.CallID() || again.From().Tag() != r.From().Tag() {
			t.Errorf("%+v", again)
		}
		b.bob.Reply(again, 200, body("answer"))
		if ack := b.bob.Expect("ACK"); ack.Get("Proxy-Authorization") != again.Get("Proxy-Authorization") {
			t.Error("ACK without the credentials of the INVITE")
		}
		l.want("answered answer")
		l.End(sip.CauseNormal)
		b.bob.Reply(b.bob.Expect("BYE"), 407, challenge)
		bye := b.bob.Expect("BYE")
		if !bye.Has("Proxy-Authorization") || bye.Get("CSeq") != "4 BYE" {
			t.Errorf("%+v", bye)
		}
		b.bob.Reply(bye, 407, challenge) // once is enough
		b.bob.Silence(time.Second)
		l.want("ended 200/16")
	})
}

func TestB14NewNonceEachTime(t *testing.T) {
	play(t, "b14-challenges", dialog.Config{}, func(b *bench) {
		l := b.invite(func(i *dialog.Invite) { i.Authorize = siptest.Digest("pbx", "secret") })
		for i := range 3 {
			b.bob.Reply(b.bob.Expect("INVITE"), 401, func(r *stack.Response) {
				r.Set("WWW-Authenticate", fmt.Sprintf(`Digest realm="carrier", nonce="n%d", qop="auth"`, i))
			})
			b.bob.Expect("ACK")
		}
		b.bob.Silence(time.Second)
		l.want("ended 401/21 by peer")
	})
	play(t, "", dialog.Config{}, func(b *bench) { // B13: a realm that is not ours to answer
		l := b.invite(func(i *dialog.Invite) {
			i.Authorize = func(*stack.Request, *stack.Response) error { return errors.New("foreign realm") }
		})
		b.bob.Reply(b.bob.Expect("INVITE"), 401, nil)
		b.bob.Expect("ACK")
		b.bob.Silence(time.Second)
		l.want("ended 401/21 by peer")
	})
}

func TestTargetsInOrder(t *testing.T) {
	carol := netip.MustParseAddrPort("192.0.2.3:5060")
	both := func(i *dialog.Invite) {
		i.Targets = []stack.Target{{Transport: "udp", Addr: bob}, {Transport: "udp", Addr: carol}}
	}
	play(t, "failover-503", dialog.Config{}, func(b *bench) {
		second := b.net.Phone(b.t, "carol", carol, pbx)
		l := b.invite(both)
		b.bob.Reply(b.bob.Expect("INVITE"), 503, nil)
		b.bob.Expect("ACK")
		r := second.Expect("INVITE")
		second.Reply(r, 200, body("answer"))
		second.Expect("ACK")
		l.want("answered answer")
		hangUp(l, second)
	})
	play(t, "failover-silent", dialog.Config{}, func(b *bench) {
		second := b.net.Phone(b.t, "carol", carol, pbx)
		l := b.invite(both)
		first := b.bob.Expect("INVITE")
		r := second.Expect("INVITE") // 4 s later
		second.Reply(r, 200, body("answer"))
		second.Expect("ACK")
		l.want("answered answer")
		for range 3 {
			b.bob.Expect("INVITE") // what it has not read yet
		}
		b.bob.Reply(first, 180, nil) // the first one wakes up
		b.bob.Reply(b.bob.Expect("CANCEL"), 481, nil)
		b.bob.Reply(first, 200, body("late")) // but not for a second call
		if ack := b.bob.Expect("ACK"); ack.Get("CSeq") != "1 ACK" {
			t.Errorf("%+v", ack)
		}
		b.bob.Reply(b.bob.Expect("BYE"), 200, nil)
		hangUp(l, second)
	})
	play(t, "", dialog.Config{}, func(b *bench) { // nobody listens on TCP: D10, at once
		l := b.invite(func(i *dialog.Invite) {
			i.Targets = []stack.Target{{Transport: "tcp", Addr: carol}, {Transport: "udp", Addr: bob}}
		})
		b.bob.Reply(b.bob.Expect("INVITE"), 486, nil)
		b.bob.Expect("ACK")
		l.want("ended 486/17 by peer")
		none := b.invite(func(i *dialog.Invite) { i.Targets = []stack.Target{{Transport: "tcp", Addr: carol}} })
		none.want("ended 503/38")
	})
}

func TestRouteSet(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		rr := "<sip:p1.example;lr>, <sip:p2.example;lr;x=1>"
		r, resp, l := b.up(func(r *stack.Request) { r.Set("Record-Route", rr) })
		if got := resp.Get("Record-Route"); got != rr {
			t.Errorf("Record-Route %q", got)
		}
		_ = r
		l.End(sip.CauseNormal)
		bye := b.alice.Expect("BYE")
		if got := strings.Join(bye.Lines("Route"), ", "); got != rr || bye.URI.User != "alice" {
			t.Errorf("Route %q", got)
		}
		b.alice.Reply(bye, 200, nil)
		wait(20 * time.Millisecond)
		l.want("ended 200/16")

		_, _, out := b.upOut(func(i *dialog.Invite) {
			i.Routes = []sip.Address{{URI: sip.URI{Scheme: "sip", Host: "edge.example"}.WithFlag("lr")}}
		}, func(r *stack.Response) { r.Set("Record-Route", "<sip:strict.example>, <sip:near.example>") })
		out.End(sip.CauseNormal)
		bye = b.bob.Expect("BYE")
		if bye.URI.Host != "near.example" || strings.Join(bye.Lines("Route"), ", ") != "<sip:strict.example>, <sip:bob@192.0.2.2:5060>" {
			t.Errorf("BYE %s Route %q", bye.URI, bye.Lines("Route")) // RFC 3261 section 12.2.1.1, strict routing
		}
		b.bob.Reply(bye, 200, nil)
		wait(20 * time.Millisecond)
		out.want("ended 200/16")
	})
}
