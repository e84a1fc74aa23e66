package sdp

import (
	"strings"
	"testing"

	"naisen/media"
)

// What a peer is told of a recording stands in each description, and is another one when it changes, also where the same offer is answered again.
func TestRecordIsSaid(t *testing.T) {
	s := New(cfg())
	offer := offerOf("m=audio 5000 RTP/AVP 0")
	first, _ := mustAnswer(t, s, offer, media.Want{Record: media.RecordedOff})
	has(t, first, "a=record:off")
	again, _ := mustAnswer(t, s, offer, media.Want{Record: media.RecordedOn})
	has(t, again, "a=record:on")
	if same, _ := mustAnswer(t, s, offer, media.Want{Record: media.RecordedOn}); same != again || !strings.HasPrefix(again, "v=0\r\no=- 7 2 ") || !strings.HasPrefix(first, "v=0\r\no=- 7 1 ") {
		t.Errorf("%q\n%q\n%q", first, again, same)
	}
	has(t, mustOffer(t, s, media.Want{Record: media.RecordedPaused}), "a=record:paused")
	s.Rollback()
	if text := mustOffer(t, s, media.Want{}); strings.Contains(text, "a=record") {
		t.Errorf("said without being asked to: %s", text)
	}
}

// A peer's preference is that of the stream, else that of its whole description; what nobody knows is none. It is that of what is in force.
func TestWishes(t *testing.T) {
	for _, c := range []struct {
		session, stream string
		want            media.Preference
	}{{"", "", ""}, {"off", "", media.PreferOff}, {"", "pause", media.PreferPause}, {"on", "nopreference", media.PreferNothing}, {"on", "never", media.PreferOn}, {"OFF", "x", ""}} {
		lines := []string{"m=audio 5000 RTP/AVP 0"}
		if c.session != "" {
			lines = append([]string{"a=recordpref:" + c.session}, lines...)
		}
		if c.stream != "" {
			lines = append(lines, "a=recordpref:"+c.stream)
		}
		s := New(cfg())
		mustAnswer(t, s, offerOf(lines...), media.Want{})
		if got := s.Wishes(); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
		mustOffer(t, s, media.Want{})
		if _, err := s.Accept(offerOf("m=audio 5000 RTP/AVP 0", "a=recordpref:on")); err != nil || s.Wishes() != media.PreferOn {
			t.Errorf("after an answer: %q, %v", s.Wishes(), err)
		}
		mustOffer(t, s, media.Want{})
		if _, err := s.Accept(offerOf("m=video 5000 RTP/AVP 0", "a=recordpref:off")); err == nil || s.Wishes() != media.PreferOn {
			t.Errorf("after an answer that cannot be used: %q, %v", s.Wishes(), err)
		}
	}
}
