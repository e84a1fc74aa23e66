package dialog_test

import (
	"strings"
	"testing"
	"time"

	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/multipart"
	"naisen/sip/stack"
)

const metaType = "application/rs-metadata+xml"

// metadata is a part that goes with a description.
func metadata(s string) multipart.Part {
	return multipart.Part{Type: metaType, Disposition: "recording-session", Body: []byte(s)}
}

func parts(r *stack.Request) string {
	p, err := multipart.Parse(r.Get("Content-Type"), r.Body)
	if err != nil {
		return err.Error()
	}
	s := ""
	for _, p := range p {
		s += p.Type + "=" + string(p.Body) + ";"
	}
	return s
}

func several(p ...multipart.Part) func(*stack.Request) {
	return func(r *stack.Request) {
		kind, body := multipart.Write(p...)
		r.SetBody(kind, body)
	}
}

func sdpPart(s string) multipart.Part { return multipart.Part{Type: sdpType, Body: []byte(s)} }

// A recording session as a client has it: what goes with each offer arrives, also after a glare, and what the server asks is told.
func TestBodiesOfSeveralParts(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		r, resp, l := b.upOut(func(i *dialog.Invite) {
			i.With, i.Takes, i.Style.Require = []multipart.Part{metadata("all")}, []string{"application/rs-metadata-request"}, []string{"siprec"}
			i.Features = sip.Params{{Name: "+sip.src", Flag: true}}
		}, nil)
		if got := parts(r); got != "application/sdp=offer;"+metaType+"=all;" {
			t.Errorf("INVITE: %s", got)
		}
		if r.Get("Contact") != "<sip:pbx@192.0.2.10:5060>;+sip.src" || r.Get("Require") != "siprec" || r.Get("MIME-Version") != "1.0" ||
			r.Get("Accept") != "application/sdp, multipart/mixed, application/rs-metadata-request" {
			t.Errorf("INVITE: %+v", r)
		}
		l.OfferWith([]byte("offer 2"), metadata("more"))
		again := b.bob.Expect("INVITE")
		if got := parts(again); got != "application/sdp=offer 2;"+metaType+"=more;" {
			t.Errorf("re-INVITE: %s", got)
		}
		b.bob.Reply(again, 491, nil)
		b.bob.Expect("ACK")
		again = b.bob.Expect("INVITE")
		if got := parts(again); got != "application/sdp=offer 2;"+metaType+"=more;" {
			t.Errorf("after the glare: %s", got)
		}
		b.bob.Reply(again, 200, body("answer 2"))
		b.bob.Expect("ACK")
		l.want("agreed answer 2")
		l.Offer([]byte("offer 3"))
		again = b.bob.Expect("INVITE")
		if again.Get("Content-Type") != sdpType || string(again.Body) != "offer 3" {
			t.Errorf("nothing was to go with it: %+v", again)
		}
		b.bob.Reply(again, 200, body("answer 3"))
		b.bob.Expect("ACK")
		ask := b.bob.FromCallee("UPDATE", r, resp)
		ask.SetBody("application/rs-metadata-request", []byte("please"))
		b.bob.Send(ask)
		b.bob.ExpectStatus(200, "UPDATE")
		l.want("agreed answer 3", "told with application/rs-metadata-request please")
		hangUp(l, b.bob)
	})
}

// And as a server has it.
func TestBodiesOfSeveralPartsReceived(t *testing.T) {
	play(t, "recording-server", dialog.Config{}, func(b *bench) {
		b.manner = dialog.Manner{Knows: []string{"siprec"}, Takes: []string{metaType}, Features: sip.Params{{Name: "+sip.srs", Flag: true}}}
		r, resp, l := b.up(func(r *stack.Request) {
			r.Set("Require", "siprec")
			several(sdpPart("offer"), metadata("all"))(r)
		})
		if resp.Get("Contact") != "<sip:pbx@192.0.2.10:5060>;+sip.srs" || resp.Get("Accept") != "application/sdp, multipart/mixed, "+metaType {
			t.Errorf("200: %+v", resp)
		}
		if sdp, with := dialog.Content(r, metaType); string(sdp) != "offer" || len(with) != 1 || string(with[0].Body) != "all" {
			t.Errorf("%q, %+v", sdp, with)
		}
		again := b.alice.InDialog("INVITE", r, resp)
		several(metadata("more"), sdpPart("offer 2"))(again)
		b.alice.Send(again)
		wait(50 * time.Millisecond)
		l.want("offered offer 2 with " + metaType + " more")
		l.Reply([]byte("answer 2"))
		b.alice.Ack(again, b.alice.ExpectStatus(200, "INVITE"))
		update := b.alice.InDialog("UPDATE", r, resp)
		update.SetBody(metaType, []byte("partial"))
		b.alice.Send(update)
		b.alice.ExpectStatus(200, "UPDATE")
		l.want("told with " + metaType + " partial")
		if s := l.Snapshot(); string(s.RemoteSDP) != "offer 2" {
			t.Errorf("the peer's description: %q", s.RemoteSDP)
		}
		hangUp(l, b.alice)
	})
}

// Who takes nothing beside SDP gets the description out of several parts, and refuses what it must not pass over (RFC 5621 section 8).
func TestPartsThatNobodyTakes(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		_, _, l := b.up(several(sdpPart("offer"), multipart.Part{Type: "application/isup", Disposition: "signal;handling=optional", Body: []byte{1, 0, 'x'}}))
		if s := l.Snapshot(); string(s.RemoteSDP) != "offer" {
			t.Errorf("%q", s.RemoteSDP)
		}
		hangUp(l, b.alice)
		for what, change := range map[string]func(*stack.Request){
			"required": several(sdpPart("offer"), metadata("all")),
			"broken":   func(r *stack.Request) { r.SetBody("multipart/mixed", []byte("x")) },
			"encoded": func(r *stack.Request) {
				r.SetBody("multipart/mixed;boundary=b", []byte("--b\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\nb2ZmZXI=\r\n--b--"))
			},
		} {
			r := b.alice.NewRequest("INVITE", "2001")
			change(r)
			b.alice.Send(r)
			resp := b.alice.ExpectStatus(415, "INVITE")
			if !strings.HasPrefix(resp.Get("Accept"), "application/sdp") {
				t.Errorf("%s: %+v", what, resp)
			}
			b.alice.Ack(r, resp)
			<-b.refused
		}
		r := b.alice.NewRequest("INVITE", "2001")
		r.Set("Require", "siprec")
		r.SetBody(sdpType, []byte("offer"))
		b.alice.Send(r)
		resp := b.alice.ExpectStatus(420, "INVITE")
		if resp.Get("Unsupported") != "siprec" {
			t.Errorf("%+v", resp)
		}
		b.alice.Ack(r, resp)
		<-b.refused
		wait(50 * time.Millisecond)
	})
}
