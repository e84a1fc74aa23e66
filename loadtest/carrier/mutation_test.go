package carrier

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"
)

// row is one thing mutated, and the one rule that must refuse it.
type row struct {
	want     string
	stages   string // in each of these
	at       string
	nth      int
	old, new string
	open     func(*pair, func(string, string) string) // nil: the stage's
	flow     func(*pair) error                        // nil: the stage's
}

const registering, plainStages, allStages = "digest gin", "digest ip ngn legacy gin", "digest ip ngn legacy gin teams"

// coreRows break what every peer insists on, once each with the peer where it shows best.
var coreRows = []row{
	{want: "syntax", stages: allStages, at: "INVITE", old: "\r\nTo: ", new: "\r\nTo : "},
	{want: "syntax", stages: "ip", at: "INVITE", old: "Max-Forwards: 70\r\n", new: "Max-Forwards: 70\n"},
	{want: "syntax", stages: "ip", at: "INVITE", old: "From: ", new: "From:\r\n "},
	{want: "syntax", stages: "ip", at: "INVITE", old: " SIP/2.0\r\nVia", new: "  SIP/2.0\r\nVia"},
	{want: "via", stages: allStages, at: "INVITE", old: "branch=z9hG4bK", new: "branch="},
	{want: "via", stages: "ip", at: "INVITE", old: `;branch=\w+`, new: ""},
	{want: "via", stages: "ip teams", at: "INVITE", old: `SIP/2.0/U?[TD][LP]S?P? `, new: "SIP/2.0/TCP "},
	{want: "once", stages: "ip", at: "INVITE", old: `(From: [^\r]*\r\n)`, new: "$1$1"},
	{want: "once", stages: "ip", at: "INVITE", old: `Call-ID: [^\r]*\r\n`, new: ""},
	{want: "addresses", stages: "ip", at: "INVITE", old: `(From: [^\r]*);tag=\w+`, new: "$1"},
	{want: "addresses", stages: "ip", at: "INVITE", old: `Contact: <([^>]*)>`, new: "Contact: <$1"},
	{want: "request-uri", stages: "ip", at: "INVITE", old: `INVITE (\S+)`, new: "INVITE $1?Subject=x"},
	{want: "cseq", stages: "ip", at: "INVITE", old: `CSeq: (\d+) INVITE`, new: "CSeq: $1 BYE"},
	{want: "max-forwards", stages: "ip", at: "INVITE", old: `Max-Forwards: 70`, new: "Max-Forwards: 0"},
	{want: "require", stages: "ip legacy", at: "INVITE", old: `CSeq`, new: "Require: 100rel\r\nCSeq"},
	{want: "contact", stages: "ip", at: "INVITE", old: `Contact: [^\r]*\r\n`, new: ""},
	{want: "contact", stages: "ip", at: "200 INVITE", old: `Contact: [^\r]*\r\n`, new: ""},
	{want: "contact", stages: "ip", at: "180 INVITE", old: `Contact: [^\r]*\r\n`, new: ""},
	{want: "timer", stages: "ip", at: "INVITE", old: `CSeq`, new: "Session-Expires: 20\r\nCSeq"},
	{want: "timer", stages: "ip", at: "INVITE", old: `CSeq`, new: "Min-SE: 30\r\nCSeq"},
	{want: "timer", stages: "ip", at: "200 INVITE", old: `CSeq`, new: "Session-Expires: 300\r\nCSeq"},
	{want: "timer", stages: "ip", at: "200 INVITE", old: `CSeq`, new: "Session-Expires: 300;refresher=uac\r\nCSeq"},
	{want: "dialog", stages: allStages, at: "BYE", old: `(To: [^\r]*;tag=)\w+`, new: "${1}zz"},
	{want: "dialog", stages: "ip", at: "BYE", old: `(From: [^\r]*;tag=)\w+`, new: "${1}zz"},
	{want: "cseq-order", stages: "ip", at: "BYE", old: `CSeq: \d+`, new: "CSeq: 1"},
	{want: "target", stages: "ip teams", at: "BYE", old: `BYE sip:`, new: "BYE sip:other@"},
	{want: "target", stages: "ip", at: "ACK", old: `ACK sip:`, new: "ACK sip:other@"},
	{want: "route", stages: "ip", at: "BYE", old: `CSeq`, new: "Route: <sip:127.0.0.1;lr>\r\nCSeq"},
	{want: "route", stages: "teams", at: "BYE", old: `Route: [^\r]*\r\n`, new: ""},
	{want: "ack", stages: "ip", at: "ACK", old: `CSeq: \d+`, new: "CSeq: 1"},
	{want: "ack", stages: "ip", at: "ACK", nth: 2, old: `(?s)Content-Type: [^\r]*\r\n(.*\r\n\r\n)v=0.*`, new: "$1"},
	{want: "ack", stages: "ip", at: "ACK", old: `(?s)^.*$`, new: ""},
	{want: "cancel", stages: "ip", at: "CANCEL", old: `CSeq: \d+`, new: "CSeq: 1"},
	{want: "cancel", stages: "ip", at: "CANCEL", old: `CSeq`, new: "Require: timer\r\nCSeq"},
	{want: "rack", stages: "digest ngn gin", at: "PRACK", old: `RAck: \d+`, new: "RAck: 1"},
	{want: "prack", stages: "digest", at: "PRACK", old: `(?s)^.*$`, new: ""},
	{want: "stray", stages: "ip", at: "180 INVITE", old: `branch=z9hG4bK`, new: "branch=z9hG4bKx"},
	{want: "echo", stages: "ip", at: "180 INVITE", old: `From: <`, new: `From: "x" <`},
	{want: "to-tag", stages: "ip", at: "180 INVITE", old: `(To: [^\r]*);tag=\w+`, new: "$1"},
	{want: "rseq", stages: "ip", at: "180 INVITE", old: `CSeq`, new: "Require: 100rel\r\nRSeq: 1\r\nCSeq"},
	{want: "rseq", stages: "digest", at: "180 INVITE", old: `CSeq`, new: "RSeq: 1\r\nCSeq"},
	{want: "content-length", stages: "ip", at: "INVITE", old: `Length: \*`, new: "Length: 5"},
	{want: "content-length", stages: "teams", at: "OPTIONS", old: `Content-Length: \*\r\n`, new: ""},
	{want: "content-type", stages: "ip", at: "INVITE", old: `application/sdp`, new: "sdp"},
	{want: "sdp", stages: "ip", at: "INVITE", old: `t=0 0\r\n`, new: ""},
	{want: "sdp", stages: "ip", at: "INVITE", old: `s=-\r\n`, new: "s=\r\n"},
	{want: "answer", stages: "ip", at: "200 INVITE", old: `RTP/AVP 0 8 101\r\na=rtpmap:0 `, new: "RTP/AVP 96\r\na=rtpmap:96 "},
	{want: "sdp-version", stages: "ip", at: "INVITE", nth: 4, old: `o=- 4711 \d+`, new: "o=- 4711 9"},
	{want: "sdp-version", stages: "ip", at: "INVITE", nth: 4, old: `a=sendrecv`, new: "a=sendonly"},
	{want: "sdp-version", stages: "ip", at: "INVITE", nth: 4, old: `o=- 4711`, new: "o=- 4712"},
}

// sharedRows break what several peers have in common.
var sharedRows = []row{
	{want: "plain-rtp", stages: plainStages, at: "INVITE", old: `RTP/AVP`, new: "RTP/SAVP"},
	{want: "plain-rtp", stages: "ip", at: "200 INVITE", old: `a=sendrecv`, new: "a=crypto:1 x y\r\na=sendrecv"},
	{want: "codecs", stages: allStages, at: "INVITE", old: `a=rtpmap:0 PCMU`, new: "a=rtpmap:0 OPUS"},
	{want: "ptime", stages: plainStages, at: "INVITE", old: `a=ptime:20`, new: "a=ptime:30"},
	{want: "ptime", stages: "ngn legacy", at: "200 INVITE", old: `a=ptime:20\r\n`, new: ""},
	{want: "one-stream", stages: allStages, at: "INVITE", old: `\z`, new: "m=video 4000 RTP/AVP 96\r\n"},
	{want: "caller-range", stages: "digest gin ngn ip", at: "INVITE", nth: 1, old: `From: <sip:(\+81|0)312345678`, new: "From: <sip:${1}312345670"},
	{want: "privacy", stages: "digest gin ngn", at: "INVITE", old: `From: <[^>]*>`, new: "From: <sip:anonymous@anonymous.invalid>"},
	{want: "privacy", stages: "ip", at: "INVITE", old: `Privacy: id\r\n`, new: ""},
	{want: "privacy", stages: "ip", at: "INVITE", old: `anonymous@anonymous.invalid`, new: "anonymous@localhost.invalid"},
	{want: "privacy", stages: "ip", at: "INVITE", nth: 1, old: `CSeq`, new: "Privacy: id\r\nCSeq"},
	{want: "pacing", stages: "ip ngn teams", flow: flowPaced},
	{want: "pacing", stages: registering, flow: flowPacedLine},
	{want: "no-digest", stages: "ip ngn legacy", at: "INVITE", old: `CSeq`, new: "Proxy-Authorization: Digest realm=\"x\"\r\nCSeq"},
	{want: "digest", stages: registering, at: "REGISTER", nth: 1, old: `response="....`, new: `response="0000`},
	{want: "digest", stages: "digest", at: "INVITE", nth: 1, old: `uri="sip:`, new: `uri="sips:`},
	{want: "digest", stages: "digest", at: "INVITE", nth: 2, old: `nc=00000002`, new: `nc=00000001`},
	{want: "register-uri", stages: registering, at: "REGISTER", old: `REGISTER sip:`, new: "REGISTER sip:line1@"},
	{want: "register-aor", stages: registering, at: "REGISTER", old: `To: <sip:line1`, new: "To: <sip:line2"},
	{want: "one-contact", stages: registering, at: "REGISTER", old: `(Contact: [^\r]*)`, new: "$1, <sip:other@127.0.0.1>"},
	{want: "register-order", stages: registering, at: "REGISTER", nth: 2, old: `CSeq: \d+`, new: "CSeq: 1", flow: flowRefreshed},
	{want: "registered", stages: registering, at: "INVITE", old: `(Contact: <[^>]*):\d+`, new: "$1:9"},
	{want: "registered", stages: "digest", flow: flowUnregistered},
	{want: "min-se", stages: registering, at: "INVITE", nth: 2, old: `Session-Expires: 180`, new: "Session-Expires: 100"},
}

// peerRows break what one peer alone insists on.
var peerRows = []row{
	{want: "source", stages: "ip", open: openElsewhere},
	{want: "no-refer", stages: "ip", flow: flowMethod("REFER")},
	{want: "no-refer", stages: "ngn", flow: flowMethod("REFER")},
	{want: "no-replaces", stages: "ip teams", at: "INVITE", old: `CSeq`, new: "Replaces: a;to-tag=b;from-tag=c\r\nCSeq"},
	{want: "asserted", stages: "ip", at: "INVITE", old: `P-Asserted-Identity: [^\r]*\r\n`, new: ""},
	{want: "e164", stages: "ip gin", at: "INVITE", old: `INVITE sip:\+81`, new: "INVITE sip:0"},

	{want: "source-port", stages: "ngn", open: openOtherPort},
	{want: "dscp", stages: "ngn", open: openUnmarked},
	{want: "size", stages: "ngn", at: "INVITE", old: `CSeq`, new: "X-Long: " + strings.Repeat("a", 900) + "\r\nCSeq"},
	{want: "server-address", stages: "ngn", at: "INVITE", old: `To: <sip:(\d+)@[^>]*>`, new: "To: <sip:$1@ntt-east.example>"},
	{want: "national", stages: "ngn", at: "INVITE", old: `INVITE sip:0`, new: "INVITE sip:+81"},
	{want: "contact-address", stages: "ngn legacy", at: "INVITE", old: `(Contact: <[^>]*)@127`, new: "$1@10"},
	{want: "allow", stages: "ngn", at: "INVITE", old: `, UPDATE`, new: ""},
	{want: "session-timer", stages: "ngn", at: "INVITE", old: `Session-Expires: 300`, new: "Session-Expires: 1800"},
	{want: "session-timer", stages: "ngn", at: "200 INVITE", old: `Session-Expires: [^\r]*\r\n`, new: ""},
	{want: "refresh-by-update", stages: "ngn", flow: flowReinvite},
	{want: "refresh", stages: "ngn", at: "UPDATE", old: `(?s)^.*$`, new: "", open: openShort, flow: flowSilent},
	{want: "sdp-address", stages: "ngn", at: "INVITE", old: `c=IN IP4 127`, new: "c=IN IP4 10"},
	{want: "sdp-address", stages: "ngn", at: "200 INVITE", old: `(o=- 4711 \d+ IN IP4) 127`, new: "$1 10"},
	{want: "even-port", stages: "ngn", at: "INVITE", old: `m=audio \d+`, new: "m=audio 40001"},
	{want: "codecs", stages: "ngn", at: "INVITE", old: `RTP/AVP 0 `, new: "RTP/AVP 0 8 "},

	{want: "tls", stages: "teams", open: func(p *pair, f func(string, string) string) { p.teams(f, "other.example.jp") }},
	{want: "contact-fqdn", stages: "teams", at: "INVITE", old: `(Contact: <sip:[^@]*@)sbc1.example.jp`, new: "${1}127.0.0.1"},
	{want: "contact-fqdn", stages: "teams", at: "200 INVITE", old: `(Contact: <sip:[^@]*@)sbc1.example.jp`, new: "${1}127.0.0.1"},
	{want: "contact-fqdn", stages: "teams", at: "OPTIONS", old: `Contact: [^\r]*\r\n`, new: ""},
	{want: "contact-transport", stages: "teams", at: "INVITE", old: `(Contact: <[^;>]*);transport=tls`, new: "$1"},
	{want: "contact-transport", stages: "teams", at: "INVITE", old: `Contact: <sip:`, new: "Contact: <sips:"},
	{want: "record-route", stages: "teams", at: "INVITE", old: `CSeq`, new: "Record-Route: <sip:127.0.0.1;lr>\r\nCSeq"},
	{want: "empty-user", stages: "teams", at: "INVITE", old: `Contact: <sip:[^@]*@`, new: "Contact: <sip:@"},
	{want: "from-fqdn", stages: "teams", at: "INVITE", old: `(From: <sip:[^@]*@)sbc1.example.jp`, new: "${1}127.0.0.1"},
	{want: "allow", stages: "teams", at: "OPTIONS", old: `, REFER`, new: ""},
	{want: "allow", stages: "teams", at: "200 OPTIONS", old: `Allow: [^\r]*\r\n`, new: ""},
	{want: "options-refused", stages: "teams", at: "200 OPTIONS", old: `200 OK`, new: "404 Not Found"},
	{want: "e164", stages: "teams", at: "INVITE", old: `From: <sip:\+81`, new: "From: <sip:0"},
	{want: "user-phone", stages: "teams", at: "INVITE", old: `;user=phone SIP`, new: " SIP"},
	{want: "point", stages: "teams", at: "INVITE", old: `(INVITE \S+@)sip\.pst`, new: "${1}sip-all.pst"},
	{want: "no-delayed-offer", stages: "teams", flow: flowLateTeams},
	{want: "declined", stages: "teams", flow: flowDeclined},
	{want: "transfer", stages: "teams", at: "INVITE", nth: 1, old: `;x-t=tenant SIP`, new: " SIP"},
	{want: "transfer", stages: "teams", at: "INVITE", nth: 1, old: `Referred-By: [^\r]*\r\n`, new: ""},
	{want: "sdes", stages: "teams", at: "INVITE", old: `RTP/SAVP`, new: "RTP/AVP"},
	{want: "sdes", stages: "teams", at: "INVITE", old: `CM_128_HMAC_SHA1_80`, new: "CM_128_HMAC_SHA1_32"},
	{want: "sdes", stages: "teams", at: "200 INVITE", old: `a=crypto:2`, new: "a=crypto:1"},
	{want: "no-register", stages: "teams", flow: func(p *pair) error { return p.register() }},

	{want: "no-update", stages: "legacy", flow: flowMethod("UPDATE")},
	{want: "no-extension", stages: "legacy", at: "INVITE", old: `CSeq`, new: "Session-Expires: 1800\r\nCSeq"},
	{want: "no-display", stages: "legacy", at: "INVITE", old: `From: <`, new: `From: "Taro" <`},
	{want: "no-parameters", stages: "legacy", at: "INVITE", old: `INVITE (\S+)`, new: "INVITE $1;user=phone"},
	{want: "long-header", stages: "legacy", at: "INVITE", old: `CSeq`, new: "X-Long: " + strings.Repeat("a", 300) + "\r\nCSeq"},
	{want: "short-number", stages: "legacy", at: "INVITE", old: `INVITE sip:301`, new: "INVITE sip:999"},
	{want: "short-caller", stages: "legacy", at: "INVITE", old: `From: <sip:201`, new: "From: <sip:+81312345678"},
	{want: "has-offer", stages: "legacy", flow: flowLateLegacy},

	{want: "gin", stages: "gin", at: "REGISTER", old: `\r\nRequire: gin`, new: ""},
	{want: "gin", stages: "gin", at: "REGISTER", old: `Proxy-Require: gin\r\n`, new: ""},
	{want: "bnc", stages: "gin", at: "REGISTER", old: `;bnc`, new: ""},
	{want: "bnc", stages: "gin", at: "REGISTER", old: `Contact: <sip:`, new: "Contact: <sip:pbx@"},
	{want: "path", stages: "gin", at: "REGISTER", old: `Supported: path\r\n`, new: ""},
	{want: "no-instance", stages: "gin", at: "REGISTER", old: `;bnc>`, new: ";bnc>;reg-id=1"},

	{want: "rtp-type", stages: plainStages, flow: flowPackets(func(c *Call) { c.rtp.speak = 3 })},
	{want: "rtp-ptime", stages: "ip", flow: flowPackets(func(c *Call) { c.rtp.size = 240 })},
	{want: "rtp-source", stages: "ip", flow: flowPackets(func(c *Call) { c.rtp.rtp, c.rtp.rtcp = c.rtp.rtcp, c.rtp.rtp })},
	{want: "rtp", stages: "ip", flow: flowPackets(func(c *Call) { c.rtp.size = -4 })},
	{want: "rtp-dscp", stages: "ngn", open: openUnmarkedMedia},
	{want: "srtp", stages: "teams", flow: flowPackets(func(c *Call) { c.rtp.out, _ = newSRTP(newMaster(), nil) })},
	{want: "srtp", stages: "teams", flow: flowPackets(func(c *Call) { c.rtp.out.mki = []byte{9} })},
}

func rows() []row { return slices.Concat(coreRows, sharedRows, peerRows) }

// Each mutation is refused by its rule and by no other.
func TestMutations(t *testing.T) {
	for _, r := range rows() {
		for name := range strings.FieldsSeq(r.stages) {
			t.Run(name+" "+r.want, func(t *testing.T) {
				t.Parallel()
				mutate(t, stages()[name], r)
			})
		}
	}
}

func mutate(t *testing.T, s stage, r row) {
	m := &mutation{at: r.at, nth: r.nth, old: r.old, new: r.new}
	var tamper func(string, string) string
	if r.at != "" {
		tamper = m.tamper
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := newPair(t)
	p.ctx = func() context.Context { return ctx }
	open, flow := s.open, s.flow
	if r.open != nil {
		open = r.open
	}
	if r.flow != nil {
		flow = r.flow
	}
	open(p, tamper)
	if r.want == "prack" || r.want == "ack" {
		p.peer.opts.Patience = 1500 * time.Millisecond
	}
	ended := make(chan error, 1)
	go func() {
		ended <- flow(p)
		p.peer.mu.Lock()
		p.peer.wake()
		p.peer.mu.Unlock()
	}()
	_ = p.peer.within(ctx, time.Minute, "refusal", func() bool { return len(p.peer.refusals) > 0 || len(ended) > 0 })
	all := p.peer.Refusals()
	cancel()
	flowErr := <-ended
	if r.at != "" && !m.changed() {
		t.Fatalf("the mutation changed nothing (%v)\n%s", flowErr, told(p.peer))
	}
	var got []string
	for _, f := range all {
		if f.Message == all[0].Message { // what came after is a consequence
			got = append(got, f.Rule)
		}
	}
	if len(all) == 0 {
		t.Logf("the flow ended with %v", flowErr)
	}
	if !slices.Equal(got, []string{r.want}) {
		t.Errorf("refused by %v, want %s\n%s", got, r.want, told(p.peer))
	}
}

// Every rule of every peer is broken by some row.
func TestEveryRuleIsBroken(t *testing.T) {
	for name, s := range stages() {
		p := newPair(t)
		s.open(p, nil)
		for i, r := range p.peer.rules {
			core := i < len(coreRules())
			if !slices.ContainsFunc(rows(), func(row row) bool {
				return row.want == r.Name && (core || slices.Contains(strings.Fields(row.stages), name))
			}) {
				t.Errorf("%s: no mutation breaks the rule %q", name, r.Name)
			}
		}
		for _, r := range slices.Concat(corePackets(), p.peer.profile.Packets) {
			if !slices.ContainsFunc(rows(), func(row row) bool { return row.want == r.Name }) {
				t.Errorf("%s: no mutation breaks the rule %q", name, r.Name)
			}
		}
	}
}
