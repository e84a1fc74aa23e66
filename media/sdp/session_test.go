package sdp

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"naisen/media"
	"naisen/media/secure"
)

func cfg() Config {
	return Config{Addr: netip.MustParseAddr("192.0.2.1"), Port: 4000, SessionID: 7}
}

func tlsCfg() Config {
	c := cfg()
	c.SecureSIP = true
	return c
}

// offerOf builds a peer's description from its m= section and attributes; "c" alone defaults to 198.51.100.9.
func offerOf(lines ...string) media.SDP {
	head := []string{"v=0", "o=alice 1 1 IN IP4 198.51.100.9", "s=-", "c=IN IP4 198.51.100.9", "t=0 0"}
	return media.SDP(strings.Join(append(head, lines...), "\r\n") + "\r\n")
}

func cryptoOf(t *testing.T, tag int, s secure.Suite) (string, secure.Key) {
	t.Helper()
	k, err := secure.Generate(s)
	if err != nil {
		t.Fatal(err)
	}
	return "a=crypto:" + k.CryptoLine(tag), k
}

func mustAnswer(t *testing.T, s *Session, offer media.SDP, w media.Want) (string, Agreed) {
	t.Helper()
	text, a, err := s.Answer(offer, w)
	if err != nil {
		t.Fatalf("answer: %v\n%s", err, offer)
	}
	return string(text), a
}

func mustOffer(t *testing.T, s *Session, w media.Want) string {
	t.Helper()
	text, err := s.Offer(w)
	if err != nil {
		t.Fatalf("offer: %v", err)
	}
	return string(text)
}

func has(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w+"\r\n") {
			t.Errorf("no %q in\n%s", w, text)
		}
	}
}

func lacks(t *testing.T, text string, unwanted ...string) {
	t.Helper()
	for _, w := range unwanted {
		if strings.Contains(text, w) {
			t.Errorf("%q in\n%s", w, text)
		}
	}
}

func TestAnswerIsComplement(t *testing.T) {
	for _, c := range []struct {
		name, attr, conn string
		want             media.Direction
		line             string
		holds            bool
		direction        media.Direction
	}{
		{"ordinary", "a=sendrecv", "", media.SendRecv, "a=sendrecv", false, media.SendRecv},
		{"no attribute", "a=x", "", media.SendRecv, "a=sendrecv", false, media.SendRecv},
		{"hold", "a=sendonly", "", media.SendRecv, "a=recvonly", true, media.RecvOnly},
		{"hold inactive", "a=inactive", "", media.SendRecv, "a=inactive", true, media.Inactive},
		{"hold 2543", "a=sendrecv", "c=IN IP4 0.0.0.0", media.SendRecv, "a=recvonly", true, media.RecvOnly},
		{"hold 2543 v6", "a=x", "c=IN IP6 ::", media.SendRecv, "a=recvonly", true, media.RecvOnly},
		{"listener", "a=recvonly", "", media.SendRecv, "a=sendonly", false, media.SendOnly},
		{"we hold", "a=sendrecv", "", media.SendOnly, "a=sendonly", false, media.SendOnly},
		{"both hold", "a=sendonly", "", media.SendOnly, "a=inactive", true, media.Inactive},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines := []string{"m=audio 5000 RTP/AVP 0", c.attr}
			if c.conn != "" {
				lines = append(lines, c.conn)
			}
			text, a := mustAnswer(t, New(cfg()), offerOf(lines...), media.Want{Direction: c.want})
			has(t, text, c.line)
			if a.PeerHolds != c.holds || a.Direction != c.direction {
				t.Errorf("holds %v direction %v", a.PeerHolds, a.Direction)
			}
			if strings.HasPrefix(c.conn, "c=") == a.Remote.IsValid() {
				t.Errorf("remote %v", a.Remote)
			}
		})
	}
}

func TestResumeRestoresOwnDirection(t *testing.T) {
	s := New(cfg())
	mustAnswer(t, s, offerOf("m=audio 5000 RTP/AVP 0"), media.Want{})
	_, held := mustAnswer(t, s, offerOf("m=audio 5000 RTP/AVP 0", "a=sendonly"), media.Want{})
	if !held.PeerHolds {
		t.Fatal("hold not seen")
	}
	if a := mustOffer(t, s, media.Want{}); !strings.Contains(a, "a=sendrecv") {
		t.Errorf("own offer echoes the peer's hold:\n%s", a)
	}
	s.Rollback()
	text, a := mustAnswer(t, s, offerOf("m=audio 5000 RTP/AVP 0", "a=sendrecv"), media.Want{})
	has(t, text, "a=sendrecv")
	if a.PeerHolds || a.Direction != media.SendRecv {
		t.Errorf("%+v", a)
	}
}

func TestVersionCountsChangesOnly(t *testing.T) {
	s := New(cfg())
	offer := offerOf("m=audio 5000 RTP/AVP 0 8", "a=sendrecv")
	one, _ := mustAnswer(t, s, offer, media.Want{})
	two, _ := mustAnswer(t, s, offer, media.Want{})
	if one != two {
		t.Errorf("the same offer, another answer:\n%s\n%s", one, two)
	}
	has(t, one, "o=- 7 1 IN IP4 192.0.2.1")
	refresh, _ := mustAnswer(t, s, offerOf("m=audio 5000 RTP/AVP 0 8", "a=sendrecv", "a=other"), media.Want{})
	if refresh != one {
		t.Errorf("nothing changed but the text did:\n%s", refresh)
	}
	hold, _ := mustAnswer(t, s, offerOf("m=audio 5000 RTP/AVP 0 8", "a=sendonly"), media.Want{})
	has(t, hold, "o=- 7 2 IN IP4 192.0.2.1")
}

func TestSameOfferSameAnswerWhateverIsWanted(t *testing.T) {
	s := New(cfg())
	offer := offerOf("m=audio 5000 RTP/AVP 0 8")
	early, _ := mustAnswer(t, s, offer, media.Want{Prefer: []media.Codec{media.PCMU}})
	final, a := mustAnswer(t, s, offer, media.Want{Prefer: []media.Codec{media.PCMA}})
	if early != final || a.Codec != media.PCMU {
		t.Errorf("183 and 200 differ:\n%s\n%s", early, final)
	}
}

func TestStreamsKeepNumberAndOrder(t *testing.T) {
	s := New(cfg())
	offer := offerOf("m=video 6000 RTP/AVP 96", "a=rtpmap:96 VP8/90000", "m=audio 5000 RTP/AVP 0", "m=application 7000 UDP/BFCP *")
	text, a := mustAnswer(t, s, offer, media.Want{})
	has(t, text, "m=video 0 RTP/AVP 96", "m=audio 4000 RTP/AVP 0", "m=application 0 UDP/BFCP *")
	if strings.Index(text, "m=video") > strings.Index(text, "m=audio") || a.Remote.Port() != 5000 {
		t.Errorf("order or stream wrong:\n%s", text)
	}
	again := mustOffer(t, s, media.Want{Direction: media.SendOnly})
	has(t, again, "m=video 0 RTP/AVP 96", "m=application 0 UDP/BFCP *", "a=sendonly")
	if _, err := s.Accept(offerOf("m=audio 5000 RTP/AVP 0")); !errors.Is(err, media.ErrSDP) {
		t.Errorf("answer with fewer streams: %v", err)
	}
	a, err := s.Accept(offerOf("m=video 0 RTP/AVP 96", "m=audio 5000 RTP/AVP 0", "a=recvonly", "m=application 0 UDP/BFCP *"))
	if err != nil || a.PeerHolds || a.Direction != media.SendOnly {
		t.Errorf("%v %+v", err, a)
	}
}

func TestCodecs(t *testing.T) {
	for _, c := range []struct {
		name    string
		allowed []media.Codec
		prefer  []media.Codec
		offer   []string
		codec   media.Codec
		pt      uint8
		err     error
	}{
		{"peer's order", nil, nil, []string{"m=audio 5000 RTP/AVP 8 0"}, media.PCMA, 8, nil},
		{"call's order", nil, []media.Codec{media.PCMU, media.PCMA}, []string{"m=audio 5000 RTP/AVP 8 0"}, media.PCMU, 0, nil},
		{"other law does", nil, []media.Codec{media.PCMA}, []string{"m=audio 5000 RTP/AVP 0"}, media.PCMU, 0, nil},
		{"other law not allowed", []media.Codec{media.PCMA}, []media.Codec{media.PCMA}, []string{"m=audio 5000 RTP/AVP 0"}, "", 0, media.ErrNoMatch},
		{"G722 clock", nil, []media.Codec{media.G722}, []string{"m=audio 5000 RTP/AVP 0 9", "a=rtpmap:9 G722/8000"}, media.G722, 9, nil},
		{"G722 wrong clock of old phones", nil, []media.Codec{media.G722}, []string{"m=audio 5000 RTP/AVP 9", "a=rtpmap:9 G722/16000"}, media.G722, 9, nil},
		{"dynamic", nil, nil, []string{"m=audio 5000 RTP/AVP 97", "a=rtpmap:97 pcmu/8000/1"}, media.PCMU, 97, nil},
		{"only Opus", nil, nil, []string{"m=audio 5000 RTP/AVP 96", "a=rtpmap:96 opus/48000/2"}, media.Opus, 96, nil},
		{"Opus without its channels", nil, nil, []string{"m=audio 5000 RTP/AVP 96", "a=rtpmap:96 OPUS/48000"}, media.Opus, 96, nil},
		{"Opus at a false clock", nil, nil, []string{"m=audio 5000 RTP/AVP 96", "a=rtpmap:96 opus/16000/2"}, "", 0, media.ErrNoMatch},
		{"G.729 is not taken unasked", nil, nil, []string{"m=audio 5000 RTP/AVP 18"}, "", 0, media.ErrNoMatch},
		{"G.729 passes", nil, []media.Codec{media.G729}, []string{"m=audio 5000 RTP/AVP 0 18"}, media.G729, 18, nil},
		{"L16", nil, []media.Codec{media.L16}, []string{"m=audio 5000 RTP/AVP 99", "a=rtpmap:99 L16/8000"}, media.L16, 99, nil},
		{"L16 of another rate", nil, []media.Codec{media.L16}, []string{"m=audio 5000 RTP/AVP 11"}, "", 0, media.ErrNoMatch},
		{"static under a false name", nil, nil, []string{"m=audio 5000 RTP/AVP 8", "a=rtpmap:8 PCMU/8000"}, "", 0, media.ErrNoMatch},
		{"stereo", nil, nil, []string{"m=audio 5000 RTP/AVP 97", "a=rtpmap:97 PCMU/8000/2"}, "", 0, media.ErrNoMatch},
		{"no audio", nil, nil, []string{"m=video 5000 RTP/AVP 96"}, "", 0, media.ErrNoMatch},
		{"audio off", nil, nil, []string{"m=audio 0 RTP/AVP 0"}, "", 0, media.ErrNoMatch},
		{"looks like RTCP", nil, nil, []string{"m=audio 5000 RTP/AVP 72", "a=rtpmap:72 PCMU/8000"}, "", 0, media.ErrNoMatch},
		{"DTLS", nil, nil, []string{"m=audio 5000 UDP/TLS/RTP/SAVPF 0", "a=fingerprint:sha-256 AA"}, "", 0, media.ErrNoMatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf := cfg()
			conf.Codecs = c.allowed
			_, a, err := New(conf).Answer(offerOf(c.offer...), media.Want{Prefer: c.prefer})
			if !errors.Is(err, c.err) || a.Codec != c.codec || a.SendPT != c.pt || a.RecvPT != c.pt {
				t.Errorf("err %v codec %q pt %d/%d", err, a.Codec, a.SendPT, a.RecvPT)
			}
		})
	}
}

func TestOfferListsBothLaws(t *testing.T) {
	text := mustOffer(t, New(cfg()), media.Want{Prefer: []media.Codec{media.PCMA}})
	has(t, text, "m=audio 4000 RTP/AVP 8 0 101", "a=rtpmap:8 PCMA/8000", "a=rtpmap:0 PCMU/8000",
		"a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=ptime:20", "a=sendrecv")
	text = mustOffer(t, New(cfg()), media.Want{Prefer: []media.Codec{media.G722, media.PCMU}})
	has(t, text, "m=audio 4000 RTP/AVP 9 0 8 101", "a=rtpmap:9 G722/8000")
	if _, err := New(cfg()).Offer(media.Want{Prefer: []media.Codec{"SPEEX"}}); !errors.Is(err, media.ErrNoMatch) {
		t.Errorf("unknown codec: %v", err)
	}
}

// RFC 7587: 48000 and two channels whatever is spoken; events on both clocks, and each leg's own dynamic payload types kept.
func TestOpus(t *testing.T) {
	s := New(cfg())
	text := mustOffer(t, s, media.Want{Prefer: []media.Codec{media.PCMU, media.Opus, media.G729}})
	has(t, text, "m=audio 4000 RTP/AVP 0 111 18 8 101 110", "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1",
		"a=rtpmap:18 G729/8000", "a=fmtp:18 annexb=no", "a=rtpmap:101 telephone-event/8000", "a=rtpmap:110 telephone-event/48000", "a=fmtp:110 0-15")
	a, err := s.Accept(offerOf("m=audio 5000 RTP/AVP 96 97 98", "a=rtpmap:96 opus/48000/2", "a=rtpmap:97 telephone-event/8000", "a=rtpmap:98 telephone-event/48000"))
	if err != nil || a.Codec != media.Opus || a.SendPT != 96 || a.RecvPT != 111 || a.EventSendPT != 98 || a.EventRecvPT != 110 || a.EventClock != 48000 {
		t.Errorf("%v %+v", err, a)
	}
	has(t, mustOffer(t, s, media.Want{Prefer: []media.Codec{media.Opus}}), "m=audio 4000 RTP/AVP 111 101 110")
	s.Rollback()
	text, a = mustAnswer(t, s, offerOf("m=audio 5000 RTP/AVP 101 111", "a=rtpmap:101 opus/48000/2", "a=rtpmap:111 telephone-event/8000"), media.Want{})
	if a.Codec != media.Opus || a.RecvPT != 101 || a.EventRecvPT != 111 || a.EventClock != 8000 {
		t.Errorf("events at 8000 beside Opus: %+v", a)
	}
	has(t, text, "m=audio 4000 RTP/AVP 101 111", "a=rtpmap:101 opus/48000/2", "a=rtpmap:111 telephone-event/8000")
	text = mustOffer(t, s, media.Want{Prefer: []media.Codec{media.PCMU, media.Opus}})
	has(t, text, "a=rtpmap:101 opus/48000/2", "a=rtpmap:111 telephone-event/8000") // no payload type changes its meaning
	if strings.Count(text, "a=rtpmap:101 ") != 1 || strings.Count(text, "a=rtpmap:111 ") != 1 {
		t.Errorf("a payload type twice:\n%s", text)
	}
}

func TestComfortNoise(t *testing.T) {
	for offer, want := range map[string]bool{"0 13": true, "0": false, "9 13": true, "96 13": false} {
		_, a := mustAnswer(t, New(cfg()), offerOf("m=audio 5000 RTP/AVP "+offer, "a=rtpmap:96 opus/48000/2"), media.Want{})
		if a.Noise != want {
			t.Errorf("%s: %v", offer, a.Noise)
		}
	}
}

func TestEvents(t *testing.T) {
	_, a := mustAnswer(t, New(cfg()), offerOf("m=audio 5000 RTP/AVP 0 110 126", "a=rtpmap:110 telephone-event/48000",
		"a=rtpmap:126 telephone-event/8000", "a=fmtp:126 0-16"), media.Want{})
	if a.EventRecvPT != 126 || a.EventSendPT != 126 {
		t.Errorf("not the event of the codec's clock: %d", a.EventRecvPT)
	}
	text, a := mustAnswer(t, New(cfg()), offerOf("m=audio 5000 RTP/AVP 0"), media.Want{})
	if a.EventRecvPT != 0 {
		t.Error("event without an offer")
	}
	lacks(t, text, "telephone-event")

	s := New(cfg())
	mustOffer(t, s, media.Want{})
	a, err := s.Accept(offerOf("m=audio 5000 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/8000"))
	if err != nil || a.EventSendPT != 96 || a.EventRecvPT != 101 {
		t.Errorf("%v: send %d receive %d", err, a.EventSendPT, a.EventRecvPT)
	}
}

func TestOutOfOrder(t *testing.T) {
	s := New(cfg())
	offer := offerOf("m=audio 5000 RTP/AVP 0")
	if _, err := s.Accept(offer); !errors.Is(err, media.ErrState) {
		t.Errorf("accept without offer: %v", err)
	}
	first := mustOffer(t, s, media.Want{})
	if _, err := s.Offer(media.Want{}); !errors.Is(err, media.ErrState) {
		t.Errorf("two offers: %v", err)
	}
	if _, _, err := s.Answer(offer, media.Want{}); !errors.Is(err, media.ErrState) {
		t.Errorf("answer while offering: %v", err)
	}
	if _, err := s.Accept(media.SDP("v=0\r\n")); !errors.Is(err, media.ErrSDP) {
		t.Errorf("empty answer: %v", err)
	}
	s.Rollback()
	if _, err := s.Accept(offer); !errors.Is(err, media.ErrState) {
		t.Errorf("accept after rollback: %v", err)
	}
	if again := mustOffer(t, s, media.Want{}); again != first {
		t.Errorf("the same offer after a rollback has another version:\n%s", again)
	}
	if _, err := s.Accept(offer); err != nil {
		t.Error(err)
	}
}

func TestForkAnswersAgain(t *testing.T) {
	s := New(cfg())
	mustOffer(t, s, media.Want{})
	one, err := s.Accept(offerOf("m=audio 5000 RTP/AVP 0"))
	if err != nil {
		t.Fatal(err)
	}
	two, err := s.Accept(offerOf("m=audio 6000 RTP/AVP 8"))
	if err != nil || two.Remote.Port() != 6000 || two.Codec != media.PCMA || one.Codec != media.PCMU {
		t.Errorf("second fork: %v %+v", err, two)
	}
	mustAnswer(t, s, offerOf("m=audio 6000 RTP/AVP 8"), media.Want{})
	if _, err := s.Accept(offerOf("m=audio 5000 RTP/AVP 0")); !errors.Is(err, media.ErrState) {
		t.Errorf("answer after another exchange: %v", err)
	}
}

func TestRejectedStream(t *testing.T) {
	s := New(cfg())
	mustOffer(t, s, media.Want{})
	a, err := s.Accept(offerOf("m=audio 0 RTP/AVP 0"))
	if err != nil || !a.Rejected {
		t.Errorf("%v %+v", err, a)
	}
}

func TestRTCPAddress(t *testing.T) {
	for _, c := range []struct{ attr, rtcp string }{
		{"a=x", "198.51.100.9:5001"},
		{"a=rtcp:5555", "198.51.100.9:5555"},
		{"a=rtcp:5555 IN IP4 203.0.113.5", "203.0.113.5:5555"},
		{"a=rtcp-mux", "198.51.100.9:5000"},
	} {
		text, a := mustAnswer(t, New(cfg()), offerOf("m=audio 5000 RTP/AVP 0", c.attr), media.Want{})
		if a.RemoteRTCP.String() != c.rtcp || a.RTCPMux != (c.attr == "a=rtcp-mux") {
			t.Errorf("%s: %v", c.attr, a.RemoteRTCP)
		}
		if strings.Contains(text, "rtcp-mux") != a.RTCPMux {
			t.Errorf("%s: mux not echoed:\n%s", c.attr, text)
		}
	}
}

func TestPtime(t *testing.T) {
	for attr, want := range map[string]int{
		"a=ptime:30": 30, "a=ptime:20.0": 20, "a=x": 20, "a=ptime:7": 20, "a=ptime:99999": 20, "a=maxptime:10": 10, "a=ptime:-1": 20,
	} {
		if _, a := mustAnswer(t, New(cfg()), offerOf("m=audio 5000 RTP/AVP 0", attr), media.Want{}); a.Ptime != want {
			t.Errorf("%s: %d", attr, a.Ptime)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		conn, remote string
	}{
		{"c=IN IP4 203.0.113.7", "203.0.113.7:5000"},
		{"c=IN IP6 2001:db8::1", "[2001:db8::1]:5000"},
		{"c=IN IP6 ::ffff:203.0.113.7", "203.0.113.7:5000"},
		{"c=IN IP4 phone.example.jp", "invalid AddrPort"},
		{"c=IN IP4 239.1.2.3/127", "invalid AddrPort"},
		{"c=IN IP4 255.255.255.255", "invalid AddrPort"},
	} {
		if _, a := mustAnswer(t, New(cfg()), offerOf("m=audio 5000 RTP/AVP 0", c.conn), media.Want{}); a.Remote.String() != c.remote || a.PeerHolds {
			t.Errorf("%s: %v", c.conn, a.Remote)
		}
	}
	v6 := cfg()
	v6.Addr = netip.MustParseAddr("2001:db8::2")
	has(t, mustOffer(t, New(v6), media.Want{}), "o=- 7 1 IN IP6 2001:db8::2", "c=IN IP6 2001:db8::2")
}

func TestAllowsChangesNothing(t *testing.T) {
	s := New(cfg())
	got, err := s.Allows(offerOf("m=audio 5000 RTP/AVP 9 18 8"))
	if err != nil || !slices.Equal(got, []media.Codec{media.G722, media.G729, media.PCMA}) {
		t.Errorf("%v %v", got, err)
	}
	if _, err := s.Accept(offerOf("m=audio 5000 RTP/AVP 0")); !errors.Is(err, media.ErrState) {
		t.Error("Allows left a state")
	}
}
