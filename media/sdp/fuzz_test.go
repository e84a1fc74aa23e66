package sdp

import (
	"net/netip"
	"reflect"
	"testing"

	psdp "github.com/pion/sdp/v3"

	"naisen/media"
)

// FuzzSDP: nothing panics; what is printed parses to the same; our own text is what a second parser understands.
func FuzzSDP(f *testing.F) {
	for name := range phones {
		f.Add([]byte(phone(name, true)))
	}
	f.Add([]byte(chromium))
	f.Add([]byte(baresipDTLS))
	f.Add([]byte("v=0\r\nc=IN IP6 ::\r\na=inactive\r\nm=audio 1 rtp/avp 0 x\r\nc=IN IP4 h\r\na=rtpmap:0 \x80/1\r\na=fmtp:0  a b \r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := parse(text)
		if err == nil {
			printed := d.text(netip.MustParseAddr("192.0.2.1"), 1, 1)
			if len(printed) <= maxSize {
				again, err := parse(printed)
				if err != nil {
					t.Fatalf("own print refused: %v\n%q", err, printed)
				}
				if !reflect.DeepEqual(d, again) {
					t.Fatalf("not the same after printing:\n%+v\n%+v\n%q", d, again, printed)
				}
			}
		}
		for _, conf := range []Config{cfg(), tlsCfg()} {
			negotiate(t, conf, text)
		}
	})
}

func negotiate(t *testing.T, conf Config, text []byte) {
	s := New(conf)
	answer, a, err := s.Answer(text, media.Want{})
	if err == nil {
		if a.Codec == "" || a.Secure == a.Local.IsZero() {
			t.Fatalf("half an agreement: %+v", a)
		}
		var other psdp.SessionDescription
		if d, _ := parse(text); allAudio(d) && other.UnmarshalString(string(answer)) != nil {
			t.Fatalf("our answer is not understood by a second parser:\n%q", answer)
		}
	}
	if offer, err := s.Offer(media.Want{}); err != nil {
		t.Fatalf("no re-offer after %q: %v", text, err)
	} else if _, err := parse(offer); err != nil {
		t.Fatalf("own offer refused: %v\n%q", err, offer)
	}
	if _, err := s.Accept(text); err != nil {
		s.Rollback()
	}
	fresh := New(conf)
	if _, err := fresh.Offer(media.Want{}); err != nil {
		t.Fatal(err)
	}
	_, _ = fresh.Accept(text)
	_, _ = fresh.Allows(text)
}

// allAudio: refused streams are echoed as the peer wrote them, and the second parser knows only registered words there.
func allAudio(d *description) bool {
	for _, s := range d.streams {
		if s.kind != "audio" || profile(s.proto) == unknown {
			return false
		}
	}
	return true
}
