package carrier

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Rules that several peers have.

// pacing: a request is not repeated to the same Request-URI before the Retry-After of its refusal is over (JJ-90.24 section 5.7.3).
func pacing() Rule {
	return Rule{Name: "pacing", Status: 503, Why: "JJ-90.24 section 5.7: no repetition within Retry-After", On: outside("INVITE", "REGISTER"), Check: func(s *Seen) string {
		return complain(time.Now().Before(s.UA.paused[s.Method+" "+s.URI]), "%s %s again within the Retry-After", s.Method, s.URI)
	}}
}

// callerRange: From and the asserted identities are numbers of the contract, unless From is anonymous.
func callerRange(numbers []string) Rule {
	return Rule{Name: "caller-range", Status: 403, Why: "the carrier screens the caller's number (protocol.md section 2)", On: outside("INVITE"), Check: func(s *Seen) string {
		check := func(a Address) string {
			return complain(!slices.Contains(numbers, national(a.URI.User)), "%s is no number of the contract", a.URI.Text)
		}
		for _, name := range []string{"p-asserted-identity", "p-preferred-identity"} {
			for _, v := range s.All(name) {
				if a, err := ParseAddress(v); err == nil && check(a) != "" {
					return check(a)
				}
			}
		}
		if from := s.address("from"); !strings.EqualFold(from.URI.User, "anonymous") { // the rule "privacy" looks at that
			return check(from)
		}
		return ""
	}}
}

// national is a Japanese number as it is dialled.
func national(n string) string {
	if rest, ok := strings.CutPrefix(n, "+81"); ok {
		return "0" + rest
	}
	return n
}

// privacy: an anonymous From and Privacy: id go together, in the form that carriers know (RFC 3323 section 4.1.1.3, RFC 3325 section 9.3).
func privacy() Rule {
	return Rule{Name: "privacy", Status: 403, Why: "RFC 3323 section 4.1.1.3, RFC 3325 section 9.3", On: outside("INVITE"), Check: func(s *Seen) string {
		from := s.address("from")
		hidden := strings.Contains(from.URI.Text, "anonymous")
		private := slices.Contains(strings.Split(strings.ReplaceAll(s.Get("privacy"), " ", ""), ";"), "id")
		switch {
		case hidden && from.URI.Text != "sip:anonymous@anonymous.invalid":
			return "anonymous is sip:anonymous@anonymous.invalid, not " + from.URI.Text
		case hidden && !private:
			return "anonymous From without Privacy: id"
		case private && !hidden:
			return "Privacy: id, and From tells who it is"
		}
		return ""
	}}
}

// plain: RTP/AVP without keys.
func plain() Rule {
	return Rule{Name: "plain-rtp", Status: 488, Why: "no SRTP on this interface", On: described, Check: func(s *Seen) string {
		for _, st := range s.sdp().Streams {
			if st.Proto != "RTP/AVP" || len(st.Attr("crypto")) > 0 {
				return "m= is " + st.Proto
			}
		}
		return ""
	}}
}

// codecs: nothing but these, by the names of rtpmap in upper case.
func codecs(allowed ...string) Rule {
	return Rule{Name: "codecs", Status: 488, Why: "only " + strings.Join(allowed, ", "), On: described, Check: func(s *Seen) string {
		st, ok := s.sdp().Audio()
		if !ok {
			return "no audio"
		}
		for i, c := range st.Codecs() {
			if !slices.Contains(allowed, c) {
				return fmt.Sprintf("payload type %s is %q", st.Formats[i], c)
			}
		}
		return ""
	}}
}

// ptime: 20 ms; must: it is said.
func ptime(must bool) Rule {
	return Rule{Name: "ptime", Status: 488, Why: "20 ms per packet", On: described, Check: func(s *Seen) string {
		st, _ := s.sdp().Audio()
		v := st.Attr("ptime")
		return complain(must && len(v) == 0 || len(v) > 0 && v[0] != "20", "a=ptime %v", v)
	}}
}

// onlyAudio: one stream.
func onlyAudio() Rule {
	return Rule{Name: "one-stream", Status: 488, Why: "one stream of audio", On: described, Check: func(s *Seen) string {
		return complain(len(s.sdp().Streams) != 1, "%d streams", len(s.sdp().Streams))
	}}
}

// noHeader refuses requests with a header that the peer does not know or forbids.
func noHeader(rule string, status int, why string, names ...string) Rule {
	return Rule{Name: rule, Status: status, Why: why, On: request(), Check: func(s *Seen) string {
		for _, name := range names {
			if s.Has(name) {
				return name + " is there"
			}
		}
		return ""
	}}
}

// noMethod refuses requests that the peer does not take.
func noMethod(rule, why string, methods ...string) Rule {
	return Rule{Name: rule, Status: 405, Why: why, On: request(methods...), Check: func(s *Seen) string { return s.Method + " is not taken" }}
}

// here: Contact is the address that the request came from.
func here() Rule {
	return Rule{Name: "contact-address", Status: 403, Why: "Contact is the address that the line was given", On: either(request("INVITE", "REGISTER"), success("INVITE")), Check: func(s *Seen) string {
		return complain(s.contact().URI.hostPort() != s.Source.String(), "Contact %s from %s", s.contact().URI.Text, s.Source)
	}}
}

// hostPort of a URI, with the default port written.
func (u URI) hostPort() string {
	port := u.Port
	if port == 0 {
		port = 5060
	}
	return fmt.Sprintf("%s:%d", u.Host, port)
}

// source: requests come from the contract's addresses.
func source(prefixes []netip.Prefix) Rule {
	return Rule{Name: "source", Status: 403, Why: "the carrier knows its customers by address", On: request(), Check: func(s *Seen) string {
		return complain(!slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(s.Source.Addr()) }), "from %s", s.Source)
	}}
}
