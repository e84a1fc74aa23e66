package sdp

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"naisen/media"
	"naisen/media/secure"
)

// several is one side of a recording session: a negotiation for each stream.
type several struct {
	streams []*Session
	Joiner
}

func newSeveral(n, port int, security bool) *several {
	out := &several{}
	for i := range n {
		out.streams = append(out.streams, New(Config{Addr: netip.MustParseAddr("192.0.2.1"), Port: port + 2*i, SessionID: uint64(7 + i), SecureSIP: security,
			Suites: []secure.Suite{secure.AESCM80}}))
	}
	return out
}

func (v *several) offer(t *testing.T, w media.Want) media.SDP {
	t.Helper()
	var parts []Part
	for i, s := range v.streams {
		d, err := s.Offer(w)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, Part{Label: string(rune('1' + i)), SDP: d})
	}
	return v.joined(t, parts)
}

func (v *several) joined(t *testing.T, parts []Part) media.SDP {
	t.Helper()
	d, err := v.Join(parts...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Two sides agree on two streams at once, each with keys of its own.
func TestJoinAndSplit(t *testing.T) {
	client, server := newSeveral(2, 4000, true), newSeveral(2, 5000, true)
	w := media.Want{Security: media.SecurityRequired, Direction: media.SendOnly}
	offer := client.offer(t, w)
	for _, want := range []string{"o=- 7 1 IN IP4 192.0.2.1\r\n", "m=audio 4000 RTP/SAVP", "m=audio 4002 RTP/SAVP", "a=label:1\r\n", "a=label:2\r\n", "a=sendonly\r\n"} {
		if !strings.Contains(string(offer), want) {
			t.Errorf("no %q in\n%s", want, offer)
		}
	}
	asked, err := Split(offer)
	if err != nil || len(asked) != 2 || asked[1].Label != "2" {
		t.Fatalf("%v: %+v", err, asked)
	}
	var answers []Part
	var theirs []Agreed
	for i, s := range server.streams {
		d, a, err := s.Answer(asked[i].SDP, media.Want{Security: media.SecurityRequired, Direction: media.RecvOnly})
		if err != nil {
			t.Fatal(err)
		}
		answers, theirs = append(answers, Part{SDP: d}), append(theirs, a)
	}
	got, err := Split(server.joined(t, answers))
	if err != nil || len(got) != 2 {
		t.Fatalf("%v: %+v", err, got)
	}
	for i, s := range client.streams {
		ours, err := s.Accept(got[i].SDP)
		if err != nil {
			t.Fatal(err)
		}
		if ours.Direction != media.SendOnly || theirs[i].Direction != media.RecvOnly || ours.Remote.Port() != uint16(5000+2*i) || !ours.RemoteKey.Equal(theirs[i].Local) {
			t.Errorf("stream %d: %+v, %+v", i, ours, theirs[i])
		}
	}
	again := client.offer(t, w)
	if !strings.Contains(string(again), "o=- 7 1 ") && !strings.Contains(string(again), "o=- 7 2 ") {
		t.Error(string(again))
	}
	for _, s := range client.streams {
		s.Rollback()
	}
	if same := client.offer(t, w); string(same) != string(again) {
		t.Errorf("the same is not said in the same words:\n%s\n%s", again, same)
	}
}

// A stream that comes later stands behind, and what the others said stays.
func TestJoinGrows(t *testing.T) {
	c := newSeveral(1, 4000, false)
	first := c.offer(t, media.Want{})
	c.streams[0].Rollback()
	c.streams = append(c.streams, newSeveral(1, 4100, false).streams...)
	second := c.offer(t, media.Want{})
	if !strings.HasPrefix(string(second[strings.Index(string(second), "m="):]), strings.TrimSuffix(string(first[strings.Index(string(first), "m="):]), "")) ||
		!strings.Contains(string(second), "o=- 7 2 ") {
		t.Errorf("%s\n%s", first, second)
	}
}

func TestRefuse(t *testing.T) {
	parts, err := Split(media.SDP("v=0\r\no=x 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 1000 RTP/AVP 0\r\na=label: a\r\nm=video 2000 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\na=label:b\xff\r\n"))
	if err != nil || len(parts) != 2 || parts[0].Label != "a" || parts[1].Label != "" {
		t.Fatalf("%v: %+v", err, parts)
	}
	no, err := Refuse(parts[1].SDP)
	if err != nil {
		t.Fatal(err)
	}
	yes, _, err := newSeveral(1, 4000, false).streams[0].Answer(parts[0].SDP, media.Want{})
	if err != nil {
		t.Fatal(err)
	}
	if d := string((&several{}).joined(t, []Part{{SDP: yes}, {SDP: no}})); !strings.Contains(d, "m=video 0 RTP/AVP 99\r\n") || !strings.Contains(d, "m=audio 4000 RTP/AVP 0") {
		t.Error(d)
	}
}

func TestInactive(t *testing.T) {
	for text, want := range map[string]bool{
		"a=inactive\r\nm=audio 1 RTP/AVP 0\r\nm=audio 2 RTP/AVP 0\r\n":               true,
		"m=audio 1 RTP/AVP 0\r\na=inactive\r\nm=audio 2 RTP/AVP 0\r\na=sendonly\r\n": false,
		"m=audio 1 RTP/AVP 0\r\na=inactive\r\nm=audio 0 RTP/AVP 0\r\na=sendonly\r\n": true,
		"m=audio 1 RTP/AVP 0\r\na=recvonly\r\n":                                      true,
	} {
		if Inactive(media.SDP("v=0\r\n"+text)) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
	if Inactive(nil) {
		t.Error("nothing is a pause")
	}
}

func TestJoinRefuses(t *testing.T) {
	one := Part{SDP: media.SDP("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nm=audio 1 RTP/AVP 0\r\n")}
	many := make([]Part, maxStreams+1)
	for i := range many {
		many[i] = one
	}
	for what, parts := range map[string][]Part{
		"nothing": nil, "too many": many, "no stream": {{SDP: media.SDP("v=0\r\n")}},
		"no origin":  {{SDP: media.SDP("v=0\r\nm=audio 1 RTP/AVP 0\r\n")}},
		"bad origin": {{SDP: media.SDP("v=0\r\no=x\r\nm=audio 1 RTP/AVP 0\r\n")}},
	} {
		if d, err := new(Joiner).Join(parts...); !errors.Is(err, media.ErrSDP) {
			t.Errorf("%s: %v, %s", what, err, d)
		}
	}
	if _, err := Split(media.SDP("x")); !errors.Is(err, media.ErrSDP) {
		t.Error(err)
	}
}

// FuzzSplit: nothing panics, and each part of a description is one.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("v=0\r\no=x 1 1 IN IP4 192.0.2.9\r\nc=IN IP4 192.0.2.9\r\nm=audio 1000 RTP/AVP 0\r\na=label:1\r\nm=video 0 RTP/AVP 99\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		parts, err := Split(text)
		if err != nil {
			return
		}
		for _, p := range parts {
			d, err := parse(p.SDP)
			if err != nil || len(d.streams) != 1 {
				t.Fatalf("%v: %q", err, p.SDP)
			}
			if no, err := Refuse(p.SDP); err != nil {
				t.Fatal(err)
			} else if _, err := new(Joiner).Join(Part{SDP: no}); err != nil {
				t.Fatalf("%v: %q", err, no)
			}
		}
	})
}
