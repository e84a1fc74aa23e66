package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"naisen/media"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// Fax implements media.Faxer.
func (e *simEndpoint) Fax(s media.SDP, security media.Security) (f media.Fax, image bool, err error) {
	_ = e.locked(func() error { f, image, err = e.neg.Fax(s, security); return nil })
	return f, image, err
}

// faxBody is how a phone's machine describes T.38; head are lines before its own, such as an audio stream that it gives up.
func faxBody(p *siptest.Phone, version int, head string) []byte {
	a := p.Addr.Addr()
	return []byte(fmt.Sprintf("v=0\r\no=- 1 %d IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n%sm=image 4000 udptl t38\r\na=T38FaxVersion:0\r\n"+
		"a=T38MaxBitRate:14400\r\na=T38FaxRateManagement:transferredTCF\r\na=T38FaxMaxBuffer:%d\r\na=T38FaxMaxDatagram:%d\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n",
		version, a, a, head, 1000+int(a.As4()[3]), 200+int(a.As4()[3])))
}

func answers(b []byte) func(*stack.Response) {
	return func(r *stack.Response) { r.SetBody("application/sdp", b) }
}

func says(t *testing.T, who string, b []byte, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(string(b), w) {
			t.Errorf("%s got no %q:\n%s", who, w, b)
		}
	}
}

// reinvite sends a re-INVITE of this side that waits for the other one.
func (s side) reinvite(b []byte) *stack.Request {
	r := s.request("INVITE")
	r.SetBody("application/sdp", b)
	s.p.Send(r)
	return r
}

// A fax machine that answered asks for T.38, the caller's agrees, the session is refreshed, and the two go back to audio.
func TestFaxThroughTheSwitch(t *testing.T) {
	onStage(t, "through-fax", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		a, b := o.talk(alice, bob, "2002")
		again := b.reinvite(faxBody(bob, 2, ""))
		in := alice.Expect("INVITE")
		says(t, "the caller", in.Body, "m=image 10000 udptl t38", "a=T38FaxMaxBuffer:1022", "a=T38FaxMaxDatagram:222", "a=T38MaxBitRate:14400")
		if strings.Contains(string(in.Body), "m=audio") {
			t.Errorf("both: %s", in.Body)
		}
		alice.Reply(in, 200, answers(faxBody(alice, 2, "")))
		alice.Expect("ACK")
		resp := bob.ExpectStatus(200, "INVITE")
		says(t, "the called machine", resp.Body, "m=image 10002 udptl t38", "a=T38FaxMaxBuffer:1021", "a=T38FaxMaxDatagram:221")
		bob.Ack(again, resp)
		o.wait(44900 * time.Millisecond) // our own refreshes: neither phone knows UPDATE
		for i, p := range []*siptest.Phone{alice, bob} {
			r := p.Expect("INVITE")
			if want := [][]byte{in.Body, resp.Body}[i]; string(r.Body) != string(want) {
				t.Errorf("%s was refreshed with\n%s", p.Name, r.Body)
			}
			p.Reply(r, 200, answers(faxBody(p, 2, "")))
			p.Expect("ACK")
		}
		refresh := b.reinvite(faxBody(bob, 2, "")) // a refresh: the same again, and nobody else hears of it
		if got := bob.ExpectStatus(200, "INVITE"); string(got.Body) != string(resp.Body) {
			t.Errorf("the refresh was answered otherwise:\n%s", got.Body)
		} else {
			bob.Ack(refresh, got)
		}
		refresh = b.reinvite(faxBody(bob, 3, "")) // by another version of the same
		got := bob.ExpectStatus(200, "INVITE")
		says(t, "the called machine", got.Body, "m=image 10002 udptl t38", "a=T38FaxMaxBuffer:1021")
		bob.Ack(refresh, got)
		voice := b.reinvite(description(bob, "0 8 101"))
		got = bob.ExpectStatus(200, "INVITE")
		says(t, "the called machine", got.Body, "m=audio 10002 RTP/AVP 0")
		bob.Ack(voice, got)
		back := alice.Expect("INVITE")
		says(t, "the caller", back.Body, "m=audio 10000 RTP/AVP 0 8 101")
		alice.Reply(back, 200, with(alice, "0 8 101"))
		alice.Expect("ACK")
		a.bye(b)
	})
}

// Whoever cannot have T.38 keeps the audio, and so does who asked for it: 488, or an answer with port 0.
func TestFaxIsRefused(t *testing.T) {
	onStage(t, "through-fax-refused", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		a, b := o.talk(alice, bob, "2002")
		again := b.reinvite(faxBody(bob, 2, "m=audio 0 RTP/AVP 0\r\n"))
		alice.Reply(alice.Expect("INVITE"), 488, nil)
		alice.Expect("ACK")
		bob.Ack(again, bob.ExpectStatus(488, "INVITE"))
		o.wait(time.Second)
		again = b.reinvite(faxBody(bob, 3, ""))
		alice.Reply(alice.Expect("INVITE"), 200, answers([]byte(strings.ReplaceAll(string(faxBody(alice, 2, "")), "m=image 4000", "m=image 0"))))
		alice.Expect("ACK")
		bob.Ack(again, bob.ExpectStatus(488, "INVITE"))
		in := alice.Expect("INVITE") // it gets its voice back
		says(t, "the caller", in.Body, "m=audio 10000 RTP/AVP 0 8 101")
		alice.Reply(in, 200, with(alice, "0 8 101"))
		alice.Expect("ACK")
		o.wait(10 * time.Second)
		a.bye(b)
	})
}

// Both machines ask at once: each gets 491, and the one that tries again first has its way.
func TestFaxGlare(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		a, b := o.talk(alice, bob, "2002")
		ours := a.reinvite(faxBody(alice, 2, ""))
		in := bob.Expect("INVITE")
		theirs := b.reinvite(faxBody(bob, 2, ""))
		bob.Reply(in, 491, nil)
		for _, m := range o.gather(bob, 2) {
			switch {
			case m.Response != nil && m.Response.Status == 491:
				bob.Ack(theirs, m.Response)
			case m.Request == nil || m.Request.Method != "ACK":
				t.Errorf("got %v", m)
			}
		}
		in = bob.Expect("INVITE")
		bob.Reply(in, 200, answers(faxBody(bob, 2, "")))
		bob.Expect("ACK")
		resp := alice.ExpectStatus(200, "INVITE")
		says(t, "the caller", resp.Body, "m=image 10000 udptl t38", "a=T38FaxMaxBuffer:1022")
		alice.Ack(ours, resp)
		a.bye(b)
	})
}

// The other party hangs up while it is asked: nobody waits for ever.
func TestFaxHungUp(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		a, b := o.talk(alice, bob, "2002")
		again := b.reinvite(faxBody(bob, 2, ""))
		in := alice.Expect("INVITE")
		alice.Send(a.request("BYE"))
		alice.ExpectStatus(200, "BYE")
		alice.Reply(in, 481, nil)
		alice.Expect("ACK")
		got := o.gather(bob, 2)
		for label, m := range got {
			switch {
			case m.Request != nil && m.Request.Method == "BYE":
				bob.Reply(m.Request, 200, nil)
			case m.Response != nil:
				bob.Ack(again, m.Response)
				if m.Response.Status/100 == 2 {
					t.Error(label)
				}
			}
		}
	})
}

// A fax that is transferred to a telephone becomes a voice again.
func TestFaxTransferred(t *testing.T) {
	onStage(t, "through-fax-transferred", func(o *stage) {
		alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		a, b := o.talk(alice, bob, "2002")
		again := b.reinvite(faxBody(bob, 2, ""))
		alice.Reply(alice.Expect("INVITE"), 200, answers(faxBody(alice, 2, "")))
		alice.Expect("ACK")
		bob.Ack(again, bob.ExpectStatus(200, "INVITE"))
		b.refer("sip:2004@" + simDomain)
		in := carol.Expect("INVITE")
		carol.Reply(in, 180, nil)
		b.notified("180 Ringing")
		c := side{carol, in, carol.Reply(in, 200, with(carol, "0 8 101")), false}
		carol.Expect("ACK")
		b.notified("200 OK")
		b.hungUp()
		voice := alice.Expect("INVITE")
		says(t, "who stayed", voice.Body, "m=audio 10000 RTP/AVP 0 8 101")
		alice.Reply(voice, 200, with(alice, "0 8 101"))
		alice.Expect("ACK")
		a.bye(c)
	})
}
