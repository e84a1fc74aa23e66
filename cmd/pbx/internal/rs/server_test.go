package rs

import (
	"errors"
	"strings"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/sip/multipart"
	"naisen/sip/siprec"
	"naisen/sip/stack"
)

const twoStreams = "v=0\r\no=sbc 1 1 IN IP4 192.0.2.30\r\ns=-\r\nc=IN IP4 192.0.2.30\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\na=sendonly\r\na=label:1\r\n" +
	"m=audio 6002 RTP/AVP 0\r\na=sendonly\r\na=label:2\r\n"

// story of a call of two, as another maker's system tells it.
func told() string {
	return string(siprec.Metadata{Sessions: []siprec.Session{{ID: "S", Group: "G", SIPSessions: []string{"abc"}}},
		Participants: []siprec.Participant{{ID: "A", AOR: "sip:0312345678@sbc.example", Name: "Alice"}, {ID: "B", AOR: "tel:+81355550001"}},
		Streams:      []siprec.Stream{{ID: "1st", Session: "S", Label: "1"}, {ID: "2nd", Session: "S", Label: "2"}},
		Flows:        []siprec.Flow{{Participant: "A", Send: []siprec.ID{"1st"}}, {Participant: "B", Send: []siprec.ID{"2nd"}}}}.Document())
}

// invite sends the INVITE of a recording session; an empty document: none.
func (w *world) invite(description, document string) *stack.Request {
	r := w.phone.NewRequest("INVITE", "record")
	r.Set("Require", "siprec")
	content(r, description, document)
	w.phone.Send(r)
	return r
}

func content(r *stack.Request, description, document string) {
	if document == "" {
		r.SetBody("application/sdp", []byte(description))
		return
	}
	kind, body := multipart.Write(multipart.Part{Type: "application/sdp", Body: []byte(description)},
		multipart.Part{Type: siprec.Plain, Disposition: siprec.Disposition, Body: []byte(document)})
	r.SetBody(kind, body)
}

func (w *world) taken200(r *stack.Request) *stack.Response {
	w.t.Helper()
	resp := w.phone.ExpectStatus(200, "INVITE")
	w.phone.Ack(r, resp)
	return resp
}

// Another maker's session: answered recvonly, stream by stream, with who it is, and its updates.
func TestOtherSystem(t *testing.T) {
	inWorld(t, "other-system", serverAt, func(w *world) {
		r := w.invite(twoStreams, told())
		resp := w.taken200(r)
		if strings.Count(string(resp.Body), "a=recvonly") != 2 || !strings.HasSuffix(resp.Get("Contact"), ";+sip.srs") {
			t.Errorf("%+v\n%s", resp, resp.Body)
		}
		w.want("numbers 0312345678,+81355550001", "start #1 caller 0312345678 Alice", "start #2 called +81355550001")
		if s := w.started[0].Source; s.CallID != r.CallID() || s.Session != "S" || s.Group != "G" || s.SIPSession != "abc" {
			t.Errorf("%+v", s)
		}
		do := func(method, description, document string, status int) *stack.Response {
			t.Helper()
			req := w.phone.InDialog(method, r, resp)
			switch {
			case description == "":
				req.SetBody(siprec.XML, []byte(document))
			default:
				content(req, description, document)
			}
			w.phone.Send(req)
			got := w.phone.ExpectStatus(status, method)
			if method == "INVITE" {
				w.phone.Ack(req, got)
			}
			return got
		}
		do("UPDATE", "", string(siprec.Metadata{Partial: true, Participants: []siprec.Participant{{ID: "C", AOR: "sip:2002@sbc.example"}},
			Flows: []siprec.Flow{{Participant: "C", Send: []siprec.ID{"2nd"}}, {Participant: "B"}}}.Document()), 200)
		w.want("party #2 called 2002")
		do("INVITE", strings.ReplaceAll(twoStreams, "sendonly", "inactive"), "", 200)
		w.want("pause siprec sbc")
		do("INVITE", twoStreams, "", 200)
		w.want("resume siprec sbc")
		do("INVITE", twoStreams, "<recording", 400)
		do("INVITE", "nonsense", "", 488)
		do("INVITE", strings.Split(twoStreams, "m=audio 6002")[0], "", 488) // a stream may not vanish
		w.want()
		more := do("INVITE", twoStreams+"m=video 7000 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\na=label:3\r\nm=audio 6004 RTP/AVP 8\r\na=sendonly\r\na=label:4\r\n", "", 200)
		if !strings.Contains(string(more.Body), "m=video 0 RTP/AVP 99") || strings.Count(string(more.Body), "a=recvonly") != 3 {
			t.Errorf("%s", more.Body)
		}
		w.want("party #3 called  4")
		do("INVITE", strings.Replace(twoStreams, "audio 6002", "audio 0", 1)+"m=video 0 RTP/AVP 99\r\nm=audio 6004 RTP/AVP 8\r\na=sendonly\r\na=label:4\r\n", "", 200)
		w.want("left #2")
		w.phone.Send(w.phone.InDialog("BYE", r, resp))
		w.phone.ExpectStatus(200, "BYE")
		w.want("stop OK")
		if s := w.s.Stats(); s.Malformed != 1 || s.Live != 0 || s.Sessions != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// Metadata that nobody understands, or that builds on what was never said, is asked for; the recording goes on.
func TestMetadataIsAskedFor(t *testing.T) {
	inWorld(t, "metadata-asked", serverAt, func(w *world) {
		r := w.invite(twoStreams, "")
		resp := w.taken200(r)
		w.want("numbers ", "start #1 caller  1", "start #2 called  2")
		for _, document := range []string{"<x/>", string(siprec.Metadata{Partial: true, Flows: []siprec.Flow{{Participant: "A", Send: []siprec.ID{"1st"}}}}.Document())} {
			update := w.phone.InDialog("UPDATE", r, resp)
			update.SetBody(siprec.XML, []byte(document))
			w.phone.Send(update)
			w.phone.ExpectStatus(200, "UPDATE")
			ask := w.phone.Expect("INVITE")
			if parts, err := multipart.Parse(ask.Get("Content-Type"), ask.Body); err != nil || len(parts) != 2 || parts[1].Type != siprec.Request {
				t.Errorf("%v\n%s", err, ask.Body)
			}
			w.phone.Reply(ask, 200, func(resp *stack.Response) { resp.SetBody("application/sdp", []byte(twoStreams)) })
			w.phone.Expect("ACK")
		}
		all := w.phone.InDialog("INVITE", r, resp)
		content(all, twoStreams, told())
		w.phone.Send(all)
		w.taken200(all)
		w.want("party #1 caller 0312345678 Alice", "party #2 called +81355550001")
		w.phone.Send(w.phone.InDialog("BYE", r, resp))
		w.phone.ExpectStatus(200, "BYE")
		w.want("stop OK")
		if s := w.s.Stats(); s.Asked != 2 || s.Malformed != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// What cannot be recorded is refused, each with its own answer, and leaves nothing behind.
func TestRefusedSessions(t *testing.T) {
	inWorld(t, "", serverAt, func(w *world) {
		refused := func(what string, status int, description, document string) {
			t.Helper()
			r := w.invite(description, document)
			resp := w.phone.ExpectStatus(status, "INVITE")
			w.phone.Ack(r, resp)
			w.wait(time.Second)
			if s := w.s.Stats(); s.Live != 0 {
				t.Errorf("%s: %+v", what, s)
			}
		}
		refused("malformed metadata", 400, twoStreams, "<recording>")
		refused("no description", 488, "v=1\r\n", "")
		refused("no audio", 488, "v=0\r\no=- 1 1 IN IP4 192.0.2.30\r\ns=-\r\nc=IN IP4 192.0.2.30\r\nt=0 0\r\nm=video 7000 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n", "")
		refused("no codec", 488, strings.ReplaceAll(twoStreams, "RTP/AVP 0", "RTP/AVP 3"), "")
		w.never = "0312345678"
		refused("somebody who is never recorded", 403, twoStreams, told())
		w.never = ""
		w.server.engine.broken = errors.New("no port")
		refused("no port", 488, twoStreams, "")
		w.server.engine.broken, w.refuses = nil, errors.New("disk")
		refused("no recording", 503, twoStreams, told())
		w.refuses = nil
		w.mu.Lock()
		if len(w.alarms) != 1 || w.alarms[0] != "failed d/sbc" {
			t.Errorf("%q", w.alarms)
		}
		w.notes = nil
		w.mu.Unlock()
	})
}

// Who is never recorded ends the session by coming into the call.
func TestNeverRecorded(t *testing.T) {
	inWorld(t, "", serverAt, func(w *world) {
		w.never = "2002"
		r := w.invite(twoStreams, told())
		resp := w.taken200(r)
		update := w.phone.InDialog("UPDATE", r, resp)
		update.SetBody(siprec.XML, siprec.Metadata{Partial: true, Participants: []siprec.Participant{{ID: "C", AOR: "sip:2002@sbc.example"}}}.Document())
		w.phone.Send(update)
		w.phone.ExpectStatus(200, "UPDATE")
		w.phone.Reply(w.phone.Expect("BYE"), 200, nil)
		w.wait(time.Second)
		if s := w.s.Stats(); s.Live != 0 || w.notes[len(w.notes)-1] != "stop Forbidden" {
			t.Errorf("%+v, %q", s, w.notes)
		}
	})
}

// A recording that fails ends the session only where the policy would rather have none.
func TestRecordingFails(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		inWorld(t, "", serverAt, func(w *world) {
			w.rule.Refuse = refuse
			r := w.invite(twoStreams, told())
			resp := w.taken200(r)
			w.wait(time.Second)
			w.live.fails(errors.New("disk full"))
			if refuse {
				w.phone.Reply(w.phone.Expect("BYE"), 200, nil)
			} else {
				w.phone.Silence(time.Second)
				w.phone.Send(w.phone.InDialog("BYE", r, resp))
				w.phone.ExpectStatus(200, "BYE")
			}
			w.wait(time.Second)
			if len(w.alarms) != 1 {
				t.Errorf("%q", w.alarms)
			}
		})
	}
}

// There is a bound, and closing the server ends what is left.
func TestSessionsAreBounded(t *testing.T) {
	inWorld(t, "", serverAt, func(w *world) {
		for range 2 {
			w.taken200(w.invite(twoStreams, told()))
		}
		r := w.invite(twoStreams, told())
		w.phone.Ack(r, w.phone.ExpectStatus(503, "INVITE"))
		w.wait(time.Second)
		if s := w.s.Stats(); s.Live != 2 || len(w.started) != 2 {
			t.Errorf("%+v", s)
		}
		closed := make(chan error, 1)
		go func() { closed <- w.s.Close(w.t.Context()) }()
		for range 2 {
			w.phone.Reply(w.phone.Expect("BYE"), 200, nil)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		r = w.invite(twoStreams, told())
		w.phone.Ack(r, w.phone.ExpectStatus(503, "INVITE"))
		w.wait(time.Second)
	})
}

// A re-INVITE that is refused leaves the session as it was (RFC 3261 section 14.1): the same streams, the same recording, nobody gone.
func TestRefusedOfferChangesNothing(t *testing.T) {
	inWorld(t, "", serverAt, func(w *world) {
		r := w.invite(twoStreams, told())
		resp := w.taken200(r)
		w.want("numbers 0312345678,+81355550001", "start #1 caller 0312345678 Alice", "start #2 called +81355550001")
		offer := func(description string, status int) {
			t.Helper()
			again := w.phone.InDialog("INVITE", r, resp)
			content(again, description, "")
			w.phone.Send(again)
			w.phone.Ack(again, w.phone.ExpectStatus(status, "INVITE"))
		}
		video := "m=video 7000 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\na=label:9\r\n"
		for _, bad := range []string{strings.ReplaceAll(twoStreams, "RTP/AVP 0", "RTP/AVP 3"), strings.NewReplacer("audio 6000", "audio 0", "audio 6002", "audio 0").Replace(twoStreams),
			strings.NewReplacer("RTP/AVP 0", "RTP/AVP 3", "label:1", "label:2", "label:2", "label:1").Replace(twoStreams) + video} {
			offer(bad, 488)
			w.want()
		}
		for _, e := range w.server.engine.made[:2] {
			if e.closes != 0 {
				t.Errorf("%s was closed", e.id)
			}
		}
		offer(twoStreams, 200)
		w.want()
		offer(strings.Replace(twoStreams, "audio 6000 RTP/AVP 0", "audio 6000 RTP/AVP 3", 1), 200) // one of two: that one goes
		w.want("left #1")
		w.phone.Send(w.phone.InDialog("BYE", r, resp))
		w.phone.ExpectStatus(200, "BYE")
		w.want("stop OK")
	})
}

// While an offer of ours is open the client's own is answered 491, and nothing has changed (RFC 3261 section 14.2).
func TestClientsOfferCrossesOurs(t *testing.T) {
	inWorld(t, "", serverAt, func(w *world) {
		r := w.invite(twoStreams, "")
		resp := w.taken200(r)
		w.want("numbers ", "start #1 caller  1", "start #2 called  2")
		update := w.phone.InDialog("UPDATE", r, resp)
		update.SetBody(siprec.XML, []byte("<x/>"))
		w.phone.Send(update)
		w.phone.ExpectStatus(200, "UPDATE")
		ask := w.phone.Expect("INVITE")
		w.phone.Reply(ask, 491, nil)
		for _, description := range []string{twoStreams, ""} {
			mine := w.phone.InDialog("INVITE", r, resp)
			if description != "" {
				content(mine, description, "")
			}
			w.phone.Send(mine)
			if description == twoStreams {
				w.phone.Expect("ACK")
			}
			w.phone.Ack(mine, w.phone.ExpectStatus(491, "INVITE"))
		}
		ask = w.phone.Expect("INVITE")
		w.phone.Reply(ask, 200, func(resp *stack.Response) { resp.SetBody("application/sdp", []byte(twoStreams)) })
		w.phone.Expect("ACK")
		w.want()
		w.phone.Send(w.phone.InDialog("BYE", r, resp))
		w.phone.ExpectStatus(200, "BYE")
		w.want("stop OK")
	})
}

// Who comes into a call brings the rules of its number: the longest retention and the highest label of all that were there hold, to the end.
func TestLearnsTheStrictestRule(t *testing.T) {
	inWorld(t, "", serverAt, func(w *world) {
		w.rule = Rule{Policy: "p", Retention: 30, Label: recorder.Public}
		r := w.invite(twoStreams, told())
		resp := w.taken200(r)
		w.want("numbers 0312345678,+81355550001", "start #1 caller 0312345678 Alice", "start #2 called +81355550001")
		for _, c := range []struct {
			rule Rule
			kept []string
		}{{Rule{Policy: "q", Retention: 365, Label: recorder.Public}, []string{"kept 365 public"}}, {Rule{Policy: "q", Retention: 7, Label: recorder.Restricted}, []string{"kept 365 restricted"}},
			{Rule{Policy: "q", Retention: 8, Label: recorder.Public}, nil}, {Rule{Policy: "q", Label: recorder.Public}, []string{"kept 0 restricted"}}, {Rule{Policy: "q", Retention: 9000}, nil}} {
			w.mu.Lock()
			w.rule = c.rule
			w.mu.Unlock()
			update := w.phone.InDialog("UPDATE", r, resp)
			update.SetBody(siprec.XML, siprec.Metadata{Partial: true, Participants: []siprec.Participant{{ID: "C", AOR: "sip:2002@sbc.example"}}}.Document())
			w.phone.Send(update)
			w.phone.ExpectStatus(200, "UPDATE")
			w.want(c.kept...)
		}
		w.phone.Send(w.phone.InDialog("BYE", r, resp))
		w.phone.ExpectStatus(200, "BYE")
		w.want("stop OK")
	})
}
