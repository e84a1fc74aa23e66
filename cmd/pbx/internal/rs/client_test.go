package rs

import (
	"errors"
	"strings"
	"testing"
	"time"

	"naisen/media"
	"naisen/media/sdp"
	"naisen/sip/multipart"
	"naisen/sip/siprec"
	"naisen/sip/stack"
)

// A call's life as the two sides tell it to each other: hold, transfer, a third one, pause, end.
func TestRecordingSession(t *testing.T) {
	inWorld(t, "session", clientAt, func(w *world) {
		c, a, b := w.begin()
		w.want("numbers 0312345678,2001", "start #1 caller 0312345678 name of 0312345678", "start #2 called 2001 name of 2001")
		if of := w.started[0]; of.Source == nil || of.Source.Peer != "sbc" || len(of.Source.Session) != 24 || of.Direction != "siprec" || of.RetentionDays != 30 {
			t.Errorf("%+v", of)
		}
		mine := w.client.engine.made
		if len(mine) != 2 || a.copied() != mine[0] || b.copied() != mine[1] {
			t.Fatalf("%d legs", len(mine))
		}
		for _, e := range mine {
			if e.agreed.Direction != media.SendOnly || e.agreed.Codec != media.PCMA { // as the voices speak
				t.Errorf("%+v", e.agreed)
			}
		}
		c.Hold("b", true)
		w.want()
		c.Hold("b", false)
		w.want()
		third := w.client.engine.voice("c")
		c.Left("b")
		c.Party(party(third, "called", "2002"), third)
		w.want("party #2 called 2002 name of 2002")
		if b.copied() != nil || third.copied() != mine[1] {
			t.Error("who left is still copied, or who came is not")
		}
		c.Party(party(b, "called", "2001"), b)
		w.want("party #3 called 2001 name of 2001")
		if len(w.client.engine.made) != 3 || b.copied() != w.client.engine.made[2] {
			t.Error("a third voice has no stream")
		}
		c.Pause(true)
		w.want("pause siprec sbc")
		if a.copied() != nil || third.copied() != nil || b.copied() != nil {
			t.Error("something leaves while it is paused")
		}
		c.Pause(false)
		w.want("resume siprec sbc")
		if a.copied() == nil {
			t.Error("nothing leaves after the pause")
		}
		c.Stop()
		w.want("stop Normal call clearing")
		if s := w.c.Stats(); s != (ClientStats{Sessions: 1}) {
			t.Errorf("%+v", s)
		}
		if s := w.s.Stats(); s != (ServerStats{Sessions: 1}) {
			t.Errorf("%+v", s)
		}
	})
}

// One recorder refuses, the next one takes the call.
func TestNextRecorder(t *testing.T) {
	inWorld(t, "next-recorder", clientAt, func(w *world) {
		w.list = []Recorder{{Name: "gone", Metadata: siprec.XML}, {Name: "other", Metadata: siprec.Plain}, {Name: "srs", Metadata: siprec.XML}}
		c, a, _ := w.begin()
		r := w.phone.Expect("INVITE")
		if parts, err := multipart.Parse(r.Get("Content-Type"), r.Body); err != nil || len(parts) != 2 || parts[1].Type != "application/rs-metadata" ||
			parts[1].Disposition != "recording-session" || r.Get("Require") != "siprec" || !strings.HasSuffix(r.Get("Contact"), ";+sip.src") {
			t.Errorf("%v\n%+v\n%s", err, r, r.Body)
		}
		w.phone.Reply(r, 503, func(r *stack.Response) { r.Set("Retry-After", "60") })
		w.phone.Expect("ACK")
		w.want("numbers 0312345678,2001", "start #1 caller 0312345678 name of 0312345678", "start #2 called 2001 name of 2001")
		if len(w.alarms) != 2 || !strings.HasPrefix(w.alarms[1], "example.jp/other: 503") || len(w.failed) != 0 || a.copied() == nil {
			t.Errorf("%q, %v", w.alarms, w.failed)
		}
		c.Stop()
		w.want("stop Normal call clearing")
	})
}

// None takes it: whoever asked is told once, and they are asked again, not before Retry-After.
func TestNoRecorder(t *testing.T) {
	inWorld(t, "no-recorder", clientAt, func(w *world) {
		w.list = []Recorder{{Name: "other", Metadata: siprec.XML}}
		c, a, _ := w.begin()
		for i, wait := range []time.Duration{89 * time.Second, 29 * time.Second} {
			r := w.phone.Expect("INVITE")
			w.phone.Reply(r, 503, func(r *stack.Response) {
				if i == 0 {
					r.Set("Retry-After", "90")
				}
			})
			w.phone.Expect("ACK")
			w.wait(100 * time.Millisecond)
			if len(w.failed) != 1 || !errors.Is(w.failed[0], ErrNobody) || a.copied() != nil {
				t.Errorf("%v", w.failed)
			}
			w.phone.Silence(wait)
		}
		r := w.phone.Expect("INVITE")
		c.Stop()
		w.phone.Reply(r, 180, nil)
		cancel := w.phone.Expect("CANCEL")
		w.phone.Reply(cancel, 200, nil)
		w.phone.Reply(r, 487, nil)
		w.phone.Expect("ACK")
		w.wait(time.Second)
		if s := w.c.Stats(); s.Live != 0 || s.Lost != 2 || s.Refused != 2 || s.Sessions != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// answer is what a recorder that is a script says to an offer: it takes all streams, in that direction.
func answer(t *testing.T, offer []byte, direction string) []byte {
	t.Helper()
	var joiner sdp.Joiner
	parts, err := sdp.Split(split(t, offer))
	if err != nil {
		t.Fatal(err)
	}
	for i := range parts {
		e := sdp.New(sdp.Config{Addr: phoneAt.Addr(), Port: 6000 + 2*i, SessionID: 9})
		d, _, err := e.Answer(parts[i].SDP, media.Want{Direction: media.RecvOnly})
		if err != nil {
			t.Fatal(err)
		}
		parts[i] = sdp.Part{SDP: media.SDP(strings.Replace(string(d), "a=recvonly", "a="+direction, 1))}
	}
	d, err := joiner.Join(parts...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// split takes the description out of a body of several parts.
func split(t *testing.T, body []byte) media.SDP {
	t.Helper()
	if !strings.HasPrefix(string(body), "--") {
		return body
	}
	line, _, _ := strings.Cut(string(body), "\r\n")
	parts, err := multipart.Parse("multipart/mixed;boundary="+strings.TrimPrefix(line, "--"), body)
	if err != nil {
		t.Fatal(err)
	}
	return parts[0].Body
}

// A recorder that pauses, asks for everything anew, and ends the session before the call does.
func TestRecorderActs(t *testing.T) {
	inWorld(t, "recorder-acts", clientAt, func(w *world) {
		w.list = []Recorder{{Name: "other", Metadata: siprec.XML}, {Name: "srs", Metadata: siprec.XML}}
		c, a, _ := w.begin()
		r := w.phone.Expect("INVITE")
		resp := w.phone.Reply(r, 200, func(resp *stack.Response) { resp.SetBody("application/sdp", answer(t, r.Body, "recvonly")) })
		w.phone.Expect("ACK")
		w.wait(50 * time.Millisecond)
		if a.copied() == nil {
			t.Fatal("not copied")
		}
		pause := w.phone.FromCallee("INVITE", r, resp)
		pause.SetBody("application/sdp", []byte(strings.ReplaceAll(string(answer(t, r.Body, "inactive")), "o=- 9 1", "o=- 9 2")))
		w.phone.Send(pause)
		ok := w.phone.ExpectStatus(200, "INVITE")
		w.phone.Ack(pause, ok)
		if strings.Count(string(ok.Body), "a=inactive") != 2 || strings.Count(string(ok.Body), "a=label:") != 2 {
			t.Errorf("the answer to a pause:\n%s", ok.Body)
		}
		ask := w.phone.FromCallee("UPDATE", r, resp)
		ask.SetBody(siprec.Request, []byte("please"))
		w.phone.Send(ask)
		w.phone.ExpectStatus(200, "UPDATE")
		all := w.phone.Expect("INVITE")
		if parts, err := multipart.Parse(all.Get("Content-Type"), all.Body); err != nil || len(parts) != 2 || !strings.Contains(string(parts[1].Body), "<datamode>complete</datamode>") {
			t.Errorf("%v\n%s", err, all.Body)
		}
		w.phone.Reply(all, 200, func(resp *stack.Response) { resp.SetBody("application/sdp", answer(t, all.Body, "recvonly")) })
		w.phone.Expect("ACK")
		refresh := w.phone.FromCallee("INVITE", r, resp) // without an offer
		w.phone.Send(refresh)
		ok = w.phone.ExpectStatus(200, "INVITE")
		ack := w.phone.InDialog("ACK", refresh, ok)
		ack.SetBody("application/sdp", answer(t, ok.Body, "recvonly"))
		w.phone.Send(ack)
		w.wait(50 * time.Millisecond)
		if a.copied() == nil {
			t.Error("not copied after a refresh")
		}
		w.phone.Send(w.phone.FromCallee("BYE", r, resp))
		w.phone.ExpectStatus(200, "BYE")
		w.want("numbers 0312345678,2001", "start #1 caller 0312345678 name of 0312345678", "start #2 called 2001 name of 2001")
		if len(w.alarms) != 1 || len(w.failed) != 0 {
			t.Errorf("%q, %v", w.alarms, w.failed)
		}
		c.Stop()
		w.want("stop Normal call clearing")
	})
}

// An answer that cannot be used ends the session, and the call never hears of it.
func TestUnusableAnswer(t *testing.T) {
	inWorld(t, "", clientAt, func(w *world) {
		w.list = []Recorder{{Name: "other", Metadata: siprec.XML}}
		c, a, _ := w.begin()
		r := w.phone.Expect("INVITE")
		w.phone.Reply(r, 200, func(resp *stack.Response) {
			resp.SetBody("application/sdp", []byte("v=0\r\no=- 1 1 IN IP4 192.0.2.30\r\ns=-\r\nc=IN IP4 192.0.2.30\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8\r\na=recvonly\r\n"))
		})
		w.phone.Expect("ACK")
		w.phone.Reply(w.phone.Expect("BYE"), 200, nil)
		w.wait(time.Second)
		if len(w.failed) != 1 || a.copied() != nil {
			t.Errorf("%v", w.failed)
		}
		c.Stop()
		w.wait(time.Second)
	})
}

// Where media must be encrypted and the way there is not, nobody is asked.
func TestRecorderInTheClear(t *testing.T) {
	inWorld(t, "", clientAt, func(w *world) {
		w.list = []Recorder{{Name: "srs", Metadata: siprec.XML, Security: media.SecurityRequired}}
		c, _, _ := w.begin()
		w.want()
		if len(w.failed) != 1 || len(w.alarms) != 1 {
			t.Errorf("%v, %q", w.failed, w.alarms)
		}
		c.Stop()
		w.want()
	})
}

// More voices than a session may have are counted; a call without a policy that names a recorder is not copied.
func TestManyVoices(t *testing.T) {
	inWorld(t, "", clientAt, func(w *world) {
		c, _, _ := w.begin()
		for i := range 8 {
			v := w.client.engine.voice(string(rune('p' + i)))
			c.Party(party(v, "called", string(rune('p'+i))), v)
		}
		w.wait(time.Second)
		if s := w.c.Stats(); s.Unheard != 2 || len(w.client.engine.made) != 8 || len(w.live.known) != 8 {
			t.Errorf("%+v, %d legs, %d tracks", s, len(w.client.engine.made), len(w.live.known))
		}
		c.Stop()
		w.wait(time.Second)
		w.list = nil
		if w.c.Begin(w.started[0].Policy, w.started[0], nil) != nil {
			t.Error("copied without a recorder")
		}
		w.notes = nil
	})
}

// A call that floods its copy ends that, and nothing else.
func TestOverrun(t *testing.T) {
	b := newInbox()
	for i := range inboxBound + 10 {
		b.post(i)
	}
	if events, full := b.take(); len(events) != inboxBound || !full {
		t.Errorf("%d events, full %v", len(events), full)
	}
	b.post(1)
	if events, full := b.take(); len(events) != 1 || full {
		t.Errorf("%d events, full %v", len(events), full)
	}
	b.close()
	b.post(1)
	if len(b.queue) != 0 {
		t.Error("kept after the end")
	}
}

// takes lets the scripted recorder take what we invite it to; it ends the session at once.
func (w *world) takesAndEnds(r *stack.Request) {
	w.t.Helper()
	resp := w.phone.Reply(r, 200, func(resp *stack.Response) { resp.SetBody("application/sdp", answer(w.t, r.Body, "recvonly")) })
	w.phone.Expect("ACK")
	w.phone.Send(w.phone.FromCallee("BYE", r, resp))
	w.phone.ExpectStatus(200, "BYE")
}

// Recorders that take the call and end it at once do not want it: they are asked again later each time, there is an end to it, and all of it is told.
func TestRecordersThatHangUp(t *testing.T) {
	for _, recorders := range []int{1, 2} {
		inWorld(t, "", clientAt, func(w *world) {
			w.where["also"] = phoneAt
			w.list = []Recorder{{Name: "other", Metadata: siprec.XML}, {Name: "also", Metadata: siprec.XML}}[:recorders]
			c, a, _ := w.begin()
			wait := 30 * time.Second
			for n := 0; n < maxAttempts; n++ {
				w.takesAndEnds(w.phone.Expect("INVITE"))
				if (n+1)%recorders != 0 || n+1 == maxAttempts {
					continue
				}
				if wait = min(wait*time.Duration(1<<recorders), retryAfter<<maxBackOff); n+1 == recorders {
					wait = retryAfter << recorders
				}
				w.phone.Silence(wait - time.Second)
			}
			w.phone.Silence(time.Hour)
			w.wait(time.Second) // what was noted before is seen here
			if s := w.c.Stats(); s.Abandoned != 1 || s.Live != 1 || s.Sessions != maxAttempts || s.Refused != maxAttempts || len(w.failed) != 1 || a.copied() != nil {
				t.Errorf("%+v, %v", s, w.failed)
			}
			if last := w.alarms[len(w.alarms)-1]; len(w.alarms) != maxAttempts+1 || !strings.Contains(last, "given up after 100 sessions") {
				t.Errorf("%d alarms, the last %q", len(w.alarms), last)
			}
			c.Stop()
			w.wait(time.Second)
		})
	}
}

// A recorder that had the call for a while, and ends the session, has done its part: the next one is asked at once.
func TestRecorderRestarts(t *testing.T) {
	inWorld(t, "", clientAt, func(w *world) {
		w.where["also"] = phoneAt
		w.list = []Recorder{{Name: "other", Metadata: siprec.XML}, {Name: "also", Metadata: siprec.XML}}
		c, _, _ := w.begin()
		r := w.phone.Expect("INVITE")
		w.takesAndEnds(r)
		for range 5 {
			r = w.phone.Expect("INVITE")
			resp := w.phone.Reply(r, 200, func(resp *stack.Response) { resp.SetBody("application/sdp", answer(t, r.Body, "recvonly")) })
			w.phone.Expect("ACK")
			w.phone.Silence(time.Minute)
			w.phone.Send(w.phone.FromCallee("BYE", r, resp))
			w.phone.ExpectStatus(200, "BYE")
			sent := time.Now()
			r = w.phone.Expect("INVITE")
			if waited := time.Since(sent); waited > time.Second {
				t.Fatalf("asked after %v", waited)
			}
			w.takesAndEnds(r)
			w.phone.Silence(2*retryAfter - time.Second)
		}
		r = w.phone.Expect("INVITE")
		c.Stop()
		w.phone.Reply(r, 180, nil)
		w.phone.Reply(w.phone.Expect("CANCEL"), 200, nil)
		w.phone.Reply(r, 487, nil)
		w.phone.Expect("ACK")
		w.wait(time.Second)
	})
}

// While an offer of ours is open the recorder's own is answered 491; one that cannot be used is refused, and what was agreed before goes on.
func TestRecordersOfferCrossesOurs(t *testing.T) {
	inWorld(t, "", clientAt, func(w *world) {
		w.list = []Recorder{{Name: "other", Metadata: siprec.XML}}
		c, a, b := w.begin()
		r := w.phone.Expect("INVITE")
		resp := w.phone.Reply(r, 200, func(resp *stack.Response) { resp.SetBody("application/sdp", answer(t, r.Body, "recvonly")) })
		w.phone.Expect("ACK")
		w.wait(50 * time.Millisecond)
		offers := func(description []byte, status int) {
			t.Helper()
			mine := w.phone.FromCallee("INVITE", r, resp)
			if description != nil {
				mine.SetBody("application/sdp", description)
			}
			w.phone.Send(mine)
			if status == 491 && description != nil {
				w.phone.Expect("ACK")
			}
			w.phone.Ack(mine, w.phone.ExpectStatus(status, "INVITE"))
		}
		again := func(direction string, codec string) []byte {
			return []byte(strings.NewReplacer("o=- 9 1", "o=- 9 2", "RTP/AVP 8", "RTP/AVP "+codec).Replace(string(answer(t, r.Body, direction))))
		}
		offers(again("inactive", "3"), 488)
		if a.copied() == nil || b.copied() == nil {
			t.Error("not copied after an offer that was refused")
		}
		third := w.client.engine.voice("c")
		c.Party(party(third, "called", "2002"), third)
		update := w.phone.Expect("INVITE")
		w.phone.Reply(update, 491, nil)
		offers(again("recvonly", "8"), 491)
		offers(nil, 491)
		update = w.phone.Expect("INVITE")
		w.phone.Reply(update, 488, nil) // it takes no third one
		w.phone.Expect("ACK")
		w.wait(50 * time.Millisecond)
		offers(again("recvonly", "8"), 200)
		if a.copied() == nil || b.copied() == nil {
			t.Error("not copied in the end")
		}
		c.Stop()
		w.phone.Reply(w.phone.Expect("BYE"), 200, nil)
		w.wait(time.Second)
	})
}
