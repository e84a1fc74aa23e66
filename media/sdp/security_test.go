package sdp

import (
	"errors"
	"strings"
	"testing"

	"naisen/media"
	"naisen/media/secure"
)

func TestSecurityPolicyOfAnswers(t *testing.T) {
	line, _ := cryptoOf(t, 1, secure.AESCM80)
	savp := offerOf("m=audio 5000 RTP/SAVP 0", line)
	savpf := offerOf("m=audio 5000 RTP/SAVPF 0", line)
	opportunistic := offerOf("m=audio 5000 RTP/AVP 0", line)
	plain := offerOf("m=audio 5000 RTP/AVP 0")
	keyless := offerOf("m=audio 5000 RTP/SAVP 0", "a=fingerprint:sha-256 AA")
	twoLines := offerOf("m=audio 5000 RTP/AVP 0", "m=audio 5002 RTP/SAVP 0", line)
	for _, c := range []struct {
		name   string
		policy media.Security
		offer  media.SDP
		secure bool
		err    error
	}{
		{"preferred SAVP", media.SecurityPreferred, savp, true, nil},
		{"preferred SAVPF", media.SecurityPreferred, savpf, true, nil},
		{"preferred AVP with crypto", media.SecurityPreferred, opportunistic, true, nil},
		{"preferred plain", media.SecurityPreferred, plain, false, nil},
		{"preferred without key", media.SecurityPreferred, keyless, false, media.ErrNoMatch},
		{"preferred takes the secure one of two", media.SecurityPreferred, twoLines, true, nil},
		{"required SAVP", media.SecurityRequired, savp, true, nil},
		{"required AVP with crypto", media.SecurityRequired, opportunistic, true, nil},
		{"required plain (E12)", media.SecurityRequired, plain, false, media.ErrPolicy},
		{"required two", media.SecurityRequired, twoLines, true, nil},
		{"forbidden SAVP", media.SecurityForbidden, savp, false, media.ErrPolicy},
		{"forbidden AVP with crypto", media.SecurityForbidden, opportunistic, false, nil},
		{"forbidden two", media.SecurityForbidden, twoLines, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, a, err := New(cfg()).Answer(c.offer, media.Want{Security: c.policy})
			if !errors.Is(err, c.err) || a.Secure != c.secure {
				t.Fatalf("err %v secure %v", err, a.Secure)
			}
			if err == nil && strings.Contains(string(text), "a=crypto") != c.secure {
				t.Errorf("key line does not fit:\n%s", text)
			}
			conf := cfg()
			conf.Security = c.policy
			if _, b, err := New(conf).Answer(c.offer, media.Want{}); !errors.Is(err, c.err) || b.Secure != c.secure {
				t.Errorf("the same from the profile: %v", err)
			}
		})
	}
}

func TestAnswerKeepsProfileAndTag(t *testing.T) {
	line, theirs := cryptoOf(t, 3, secure.AESCM80)
	text, a := mustAnswer(t, New(cfg()), offerOf("m=audio 5000 RTP/AVP 0", line), media.Want{})
	has(t, text, "m=audio 4000 RTP/AVP 0")
	if !strings.Contains(text, "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:") || !a.RemoteKey.Equal(theirs) || a.Local.Equal(theirs) {
		t.Errorf("tag or key wrong:\n%s", text)
	}
	back, err := parse([]byte(text))
	if err != nil || !back.streams[0].crypto[0].key.Equal(a.Local) {
		t.Errorf("the key in the text is not our sending key: %v", err)
	}
}

func TestAnswerPrefersGCM(t *testing.T) {
	cm, _ := cryptoOf(t, 1, secure.AESCM80)
	gcm, key := cryptoOf(t, 2, secure.GCM128)
	short, _ := cryptoOf(t, 4, secure.AESCM32)
	text, a := mustAnswer(t, New(cfg()), offerOf("m=audio 5000 RTP/SAVP 0", short, cm, gcm), media.Want{})
	if !a.RemoteKey.Equal(key) || strings.Count(text, "a=crypto:") != 1 || !strings.Contains(text, "a=crypto:2 AEAD_AES_128_GCM") {
		t.Errorf("%s", text)
	}
	_, a = mustAnswer(t, New(cfg()), offerOf("m=audio 5000 RTP/SAVP 0", short), media.Want{})
	if a.Local.Suite() != secure.AESCM32 {
		t.Errorf("suite %s", a.Local.Suite())
	}
}

func TestSameKeyKeepsKeys(t *testing.T) {
	s := New(cfg())
	line, _ := cryptoOf(t, 1, secure.AESCM80)
	offer := offerOf("m=audio 5000 RTP/SAVP 0", line)
	_, first := mustAnswer(t, s, offer, media.Want{})
	if first.SameKeys {
		t.Error("first exchange claims old keys")
	}
	if _, again := mustAnswer(t, s, offer, media.Want{}); !again.SameKeys || !again.Local.Equal(first.Local) {
		t.Error("the same offer made a new key")
	}
	_, hold := mustAnswer(t, s, offerOf("m=audio 5000 RTP/SAVP 0", line, "a=sendonly"), media.Want{})
	if !hold.SameKeys || !hold.Local.Equal(first.Local) {
		t.Error("a hold with the same key made a new one of ours")
	}
	text := mustOffer(t, s, media.Want{})
	if strings.Count(text, "a=crypto:") != 1 {
		t.Errorf("re-offer should repeat the agreed key only:\n%s", text)
	}
	own, err := parse([]byte(text))
	if err != nil || !own.streams[0].crypto[0].key.Equal(first.Local) {
		t.Error("re-offer with another key")
	}
	a, err := s.Accept(offerOf("m=audio 5000 RTP/SAVP 0", line))
	if err != nil || !a.SameKeys {
		t.Errorf("%v same %v", err, a.SameKeys)
	}
	rekey, _ := cryptoOf(t, 1, secure.AESCM80)
	_, b := mustAnswer(t, s, offerOf("m=audio 5000 RTP/SAVP 0", rekey), media.Want{})
	if b.SameKeys || b.Local.Equal(first.Local) {
		t.Error("new key of the peer, old key of ours")
	}
}

// E13: a re-INVITE may not take encryption back; the old session keeps on.
func TestNoDowngrade(t *testing.T) {
	s := New(cfg())
	line, _ := cryptoOf(t, 1, secure.AESCM80)
	offer := offerOf("m=audio 5000 RTP/SAVP 0", line)
	before, _ := mustAnswer(t, s, offer, media.Want{})
	if _, _, err := s.Answer(offerOf("m=audio 5000 RTP/AVP 0"), media.Want{}); !errors.Is(err, media.ErrPolicy) {
		t.Fatalf("downgrade: %v", err)
	}
	if after, a := mustAnswer(t, s, offer, media.Want{}); after != before || !a.Secure {
		t.Error("the refused offer changed the session")
	}
	mustOffer(t, s, media.Want{})
	if _, err := s.Accept(offerOf("m=audio 5000 RTP/AVP 0")); !errors.Is(err, media.ErrPolicy) {
		t.Errorf("downgrade by answer: %v", err)
	}
	if _, err := s.Offer(media.Want{Security: media.SecurityForbidden}); err == nil {
		t.Error("we downgraded ourselves")
	}
}

func TestSecurityOfOffers(t *testing.T) {
	for _, c := range []struct {
		name     string
		conf     Config
		want     media.Security
		mLine    string
		crypto   int
		err      error
		contains string
	}{
		{"preferred on TLS", tlsCfg(), media.SecurityPreferred, "m=audio 4000 RTP/SAVP 0 8 9 111 101 110", 2, nil, "a=crypto:1 AEAD_AES_128_GCM inline:"},
		{"preferred on UDP", cfg(), media.SecurityPreferred, "m=audio 4000 RTP/AVP 0 8 9 111 101 110", 0, nil, ""},
		{"required on TLS", tlsCfg(), media.SecurityRequired, "m=audio 4000 RTP/SAVP 0 8 9 111 101 110", 2, nil, "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:"},
		{"required on UDP", cfg(), media.SecurityRequired, "", 0, media.ErrPolicy, ""},
		{"forbidden on TLS", tlsCfg(), media.SecurityForbidden, "m=audio 4000 RTP/AVP 0 8 9 111 101 110", 0, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := New(c.conf).Offer(media.Want{Security: c.want})
			if !errors.Is(err, c.err) {
				t.Fatal(err)
			}
			if err != nil {
				return
			}
			has(t, string(text), c.mLine)
			if strings.Count(string(text), "a=crypto:") != c.crypto || !strings.Contains(string(text), c.contains) {
				t.Errorf("%s", text)
			}
		})
	}
}

func TestPolicyConflict(t *testing.T) {
	conf := tlsCfg()
	conf.Security = media.SecurityRequired
	if _, err := New(conf).Offer(media.Want{Security: media.SecurityForbidden}); !errors.Is(err, media.ErrPolicy) {
		t.Errorf("a call may not undo the device's policy: %v", err)
	}
}

func TestAcceptChecksKeys(t *testing.T) {
	good, theirs := cryptoOf(t, 2, secure.AESCM80)
	other, _ := cryptoOf(t, 1, secure.AESCM80) // tag 1 was GCM
	unknown, _ := cryptoOf(t, 9, secure.AESCM80)
	for _, c := range []struct {
		name  string
		lines []string
		err   error
	}{
		{"second tag", []string{"m=audio 5000 RTP/SAVP 0", good}, nil},
		{"SAVPF", []string{"m=audio 5000 RTP/SAVPF 0", good}, nil},
		{"suite of another tag", []string{"m=audio 5000 RTP/SAVP 0", other}, media.ErrSDP},
		{"tag never offered", []string{"m=audio 5000 RTP/SAVP 0", unknown}, media.ErrSDP},
		{"no key", []string{"m=audio 5000 RTP/SAVP 0"}, media.ErrSDP},
		{"plain", []string{"m=audio 5000 RTP/AVP 0"}, media.ErrPolicy},
		{"plain with key", []string{"m=audio 5000 RTP/AVP 0", good}, media.ErrPolicy},
		{"no codec", []string{"m=audio 5000 RTP/SAVP 3", good}, media.ErrNoMatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(tlsCfg())
			mustOffer(t, s, media.Want{})
			a, err := s.Accept(offerOf(c.lines...))
			if !errors.Is(err, c.err) {
				t.Fatal(err)
			}
			if err == nil && (!a.RemoteKey.Equal(theirs) || a.Local.Suite() != secure.AESCM80 || a.SameKeys) {
				t.Errorf("keys: %+v", a)
			}
			if err != nil && s.open == nil {
				t.Error("a bad answer closed the offer")
			}
		})
	}
}

// A phone that offers AVP with a=crypto (baresip "srtp") wants to see the same profile in our re-INVITE.
func TestReofferKeepsProfile(t *testing.T) {
	s := New(cfg())
	line, _ := cryptoOf(t, 1, secure.AESCM80)
	mustAnswer(t, s, offerOf("m=audio 5000 RTP/AVP 0", line), media.Want{})
	text := mustOffer(t, s, media.Want{})
	has(t, text, "m=audio 4000 RTP/AVP 0 8 9 111 101 110")
	if !strings.Contains(text, "a=crypto:1 AES_CM_128_HMAC_SHA1_80") {
		t.Errorf("re-offer without key:\n%s", text)
	}
	if _, err := s.Accept(offerOf("m=audio 5000 RTP/AVP 0")); !errors.Is(err, media.ErrPolicy) {
		t.Errorf("answer without key: %v", err)
	}
	if a, err := s.Accept(offerOf("m=audio 5000 RTP/AVP 0", line)); err != nil || !a.SameKeys {
		t.Errorf("%v %+v", err, a)
	}
}

// TestSecures: what could be answered encrypted is known before anything is answered.
func TestSecures(t *testing.T) {
	line, _ := cryptoOf(t, 1, secure.AESCM80)
	for _, c := range []struct {
		leg   media.Security
		offer media.SDP
		want  bool
	}{
		{media.SecurityPreferred, offerOf("m=audio 5000 RTP/SAVP 0", line), true},
		{media.SecurityPreferred, offerOf("m=audio 5000 RTP/AVP 0", line), true},
		{media.SecurityPreferred, offerOf("m=audio 5000 RTP/AVP 0"), false},
		{media.SecurityForbidden, offerOf("m=audio 5000 RTP/AVP 0", line), false},
		{media.SecurityRequired, offerOf("m=audio 5000 RTP/SAVP 0"), false},
		{media.SecurityPreferred, media.SDP("v=1"), false},
	} {
		conf := cfg()
		conf.Security = c.leg
		s := New(conf)
		got := s.Secures(c.offer)
		_, a, err := s.Answer(c.offer, media.Want{Security: media.SecurityRequired})
		if got != c.want || got != (err == nil && a.Secure) {
			t.Errorf("leg %v, %s: %v; answered: %v, encrypted %v", c.leg, c.offer, got, err, a.Secure)
		}
	}
}

// A plain leg is asked to go on encrypted: keys in the profile that it has (RFC 8643). Whoever answers without leaves it as it was.
func TestAskedForKeys(t *testing.T) {
	required := media.Want{Security: media.SecurityRequired}
	for _, proto := range []string{"RTP/AVP", "RTP/SAVP"} { // of the answer
		s := New(tlsCfg())
		mustAnswer(t, s, offerOf("m=audio 5000 RTP/AVP 0"), media.Want{})
		text := mustOffer(t, s, required)
		has(t, text, "m=audio 4000 RTP/AVP 0 8 9 111 101 110")
		if strings.Count(text, "a=crypto:") != 2 {
			t.Errorf("%s", text)
		}
		if _, err := s.Accept(offerOf("m=audio 5000 RTP/AVP 0")); !errors.Is(err, media.ErrPolicy) {
			t.Errorf("answered in the clear: %v", err)
		}
		if s.now.Secure {
			t.Error("agreed to nothing, and encrypted")
		}
		line, theirs := cryptoOf(t, 2, secure.AESCM80)
		a, err := s.Accept(offerOf("m=audio 5000 "+proto+" 0", line))
		if err != nil || !a.Secure || !a.RemoteKey.Equal(theirs) || a.SameKeys {
			t.Errorf("%s: %v %+v", proto, err, a)
		}
		has(t, mustOffer(t, s, media.Want{}), "m=audio 4000 RTP/AVP 0 8 9 111 101 110")
	}
	clear := New(cfg()) // the signalling would show the key
	mustAnswer(t, clear, offerOf("m=audio 5000 RTP/AVP 0"), media.Want{})
	if _, err := clear.Offer(required); !errors.Is(err, media.ErrPolicy) {
		t.Errorf("over UDP: %v", err)
	}
}

// Which suites a leg may have, and which it likes best, is its device's or trunk's affair, in our offers and in our answers.
func TestSuitesOfALeg(t *testing.T) {
	conf := tlsCfg()
	conf.Suites = []secure.Suite{secure.AESCM80, secure.GCM256}
	text := mustOffer(t, New(conf), media.Want{})
	if strings.Count(text, "a=crypto:") != 2 || !strings.Contains(text, "a=crypto:1 AES_CM_128_HMAC_SHA1_80") || !strings.Contains(text, "a=crypto:2 AEAD_AES_256_GCM") {
		t.Errorf("offered\n%s", text)
	}
	gcm, _ := cryptoOf(t, 1, secure.GCM128)
	large, _ := cryptoOf(t, 2, secure.GCM256)
	cm, _ := cryptoOf(t, 3, secure.AESCM80)
	for _, c := range []struct {
		lines []string
		suite secure.Suite
	}{{[]string{gcm, large, cm}, secure.AESCM80}, {[]string{gcm, large}, secure.GCM256}} {
		if _, a := mustAnswer(t, New(conf), offerOf(append([]string{"m=audio 5000 RTP/SAVP 0"}, c.lines...)...), media.Want{}); a.Local.Suite() != c.suite {
			t.Errorf("answered with %s, not %s", a.Local.Suite(), c.suite)
		}
	}
	if _, _, err := New(conf).Answer(offerOf("m=audio 5000 RTP/SAVP 0", gcm), media.Want{}); !errors.Is(err, media.ErrNoMatch) {
		t.Errorf("a suite that is not allowed: %v", err)
	}
}
