package carrier

import (
	"fmt"
	"slices"
	"strings"
)

// coreRules are RFC 3261 and its extensions, as every peer holds us to them.
func coreRules() []Rule {
	return slices.Concat(headerRules(), extensionRules(), dialogRules(), responseRules(), bodyRules())
}

func headerRules() []Rule {
	return []Rule{
		{Name: "via", Status: 400, Why: "RFC 3261 section 8.1.1.7", On: request(), Check: func(s *Seen) string {
			all := s.All("via")
			want := "SIP/2.0/" + s.Transport + " "
			if len(all) == 0 || !strings.HasPrefix(all[0], want) {
				return fmt.Sprintf("the topmost Via is not %s", want)
			}
			sent, _, _ := strings.Cut(strings.TrimPrefix(all[0], want), ";")
			if _, _, err := hostPort(sent); err != nil {
				return "sent-by " + sent
			}
			return complain(!strings.HasPrefix(s.branch(), "z9hG4bK") || len(s.branch()) < 12, "branch %q", s.branch())
		}},
		{Name: "once", Status: 400, Why: "RFC 3261 section 20, table 2", On: anything, Check: func(s *Seen) string {
			for _, name := range []string{"from", "to", "call-id", "cseq"} {
				if s.Count(name) != 1 {
					return fmt.Sprintf("%d lines of %s", s.Count(name), name)
				}
			}
			for _, name := range []string{"max-forwards", "content-length", "content-type", "expires", "session-expires", "min-se", "rseq", "rack", "event"} {
				if s.Count(name) > 1 {
					return fmt.Sprintf("%d lines of %s", s.Count(name), name)
				}
			}
			return ""
		}},
		{Name: "addresses", Status: 400, Why: "RFC 3261 section 8.1.1.3", On: anything, Check: func(s *Seen) string {
			for _, name := range []string{"from", "to", "contact", "p-asserted-identity", "p-preferred-identity", "referred-by", "refer-to", "route", "record-route"} {
				for _, v := range s.All(name) {
					if _, err := ParseAddress(v); err != nil && v != "*" {
						return err.Error()
					}
				}
			}
			return complain(s.Has("from") && s.tag("from") == "", "no tag in From")
		}},
		{Name: "request-uri", Status: 416, Why: "RFC 3261 section 8.2.2.1", On: request(), Check: func(s *Seen) string {
			u, err := ParseURI(s.URI)
			return complain(err != nil || u.Headers != "", "Request-URI %q", s.URI)
		}},
		{Name: "cseq", Status: 400, Why: "RFC 3261 section 8.1.1.5", On: request(), Check: func(s *Seen) string {
			_, method, _ := strings.Cut(s.Get("cseq"), " ")
			return complain(s.Has("cseq") && (s.CSeq() < 0 || s.CSeq() >= 1<<31 || method != s.Method), "CSeq %q", s.Get("cseq"))
		}},
		{Name: "max-forwards", Status: 483, Why: "RFC 3261 section 8.1.1.6", On: request(), Check: func(s *Seen) string {
			n, _ := s.Number("max-forwards")
			return complain(n < 1 || n > 70, "Max-Forwards %q", s.Get("max-forwards"))
		}},
	}
}

func extensionRules() []Rule {
	return []Rule{
		{Name: "require", Status: 420, Why: "RFC 3261 section 8.2.2.3", On: request(), Check: func(s *Seen) string {
			for _, tag := range append(s.Tags("require"), s.Tags("proxy-require")...) {
				if !slices.Contains(s.UA.profile.Supported, tag) {
					return "required, and not known here: " + tag
				}
			}
			return ""
		}},
		{Name: "contact", Status: 400, Why: "RFC 3261 sections 8.1.1.8 and 12.1.1", On: either(request("INVITE", "UPDATE", "REFER", "SUBSCRIBE"), success("INVITE", "UPDATE"),
			func(s *Seen) bool { return s.Method == "INVITE" && s.Status > 100 && s.Status < 200 }), Check: func(s *Seen) string {
			if n := len(s.All("contact")); n != 1 {
				return fmt.Sprintf("%d Contacts", n)
			}
			a, err := ParseAddress(s.Get("contact"))
			return complain(err == nil && !strings.HasPrefix(a.URI.Scheme, "sip"), "Contact %q", s.Get("contact"))
		}},
		{Name: "timer", Status: 400, Why: "RFC 4028 sections 4, 5 and 9", On: anything, Check: checkTimer},
	}
}

// checkTimer: what Session-Expires and Min-SE may say.
func checkTimer(s *Seen) string {
	if s.Has("min-se") {
		if n, _ := s.Number("min-se"); n < 90 {
			return "Min-SE " + s.Get("min-se")
		}
	}
	if !s.Has("session-expires") {
		return ""
	}
	n, rest := s.Number("session-expires")
	who, named := param(strings.Split(rest, ";"), "refresher")
	switch {
	case n < 1 || named && who != "uac" && who != "uas":
		return "Session-Expires " + s.Get("session-expires")
	case s.Status == 0 && n < 90 && s.Call == nil:
		return "asked for less than 90 s"
	case s.Status/100 == 2 && !named:
		return "a 2xx that names no refresher"
	case s.Status/100 == 2 && who == "uac" && !s.Tagged("require", "timer"):
		return "refresher=uac without Require: timer"
	case s.Status/100 == 2 && s.Asked != nil && !s.Asked.Tagged("supported", "timer") && !s.Asked.Has("session-expires"):
		return "nobody asked for a session timer"
	}
	return ""
}

func dialogRules() []Rule {
	return []Rule{
		{Name: "dialog", Status: 481, Why: "RFC 3261 section 12.2.2", On: inside("INVITE", "BYE", "UPDATE", "PRACK", "INFO", "REFER", "NOTIFY"), Check: func(s *Seen) string {
			switch c := s.Call; {
			case c == nil:
				return "no such Call-ID"
			case !slices.Contains(c.localTags, s.tag("to")):
				return "the To tag is not ours"
			case tagOf(c.remote) != "" && s.tag("from") != tagOf(c.remote):
				return "the From tag is not theirs"
			}
			return ""
		}},
		{Name: "cseq-order", Status: 500, Why: "RFC 3261 section 12.2.2", On: inside("INVITE", "BYE", "UPDATE", "PRACK", "INFO", "REFER", "NOTIFY"), Check: func(s *Seen) string {
			return complain(s.Call != nil && s.CSeq() <= s.Call.heard, "CSeq %d is not above what was heard", s.CSeq())
		}},
		{Name: "target", Status: 404, Why: "RFC 3261 section 12.2.1.1", On: inside("INVITE", "BYE", "UPDATE", "PRACK", "INFO", "REFER", "NOTIFY", "ACK"), Check: func(s *Seen) string {
			if s.Method == "ACK" && (s.Asked == nil || s.branch() == s.Asked.branch()) {
				return ""
			}
			return complain(s.URI != s.UA.contactURI(), "Request-URI %s, our Contact is %s", s.URI, s.UA.contactURI())
		}},
		{Name: "route", Status: 400, Why: "RFC 3261 section 12.2.1.1: the Route set of the dialog", On: inside("INVITE", "BYE", "UPDATE", "PRACK", "INFO", "REFER", "NOTIFY"), Check: func(s *Seen) string {
			want := ""
			if s.UA.profile.RecordRoute {
				want = s.UA.route()
			}
			return complain(strings.Join(s.All("route"), ",") != want, "Route %q, want %q", s.Get("route"), want)
		}},
		{Name: "ack", Why: "RFC 3261 sections 13.2.2.4 and 17.1.1.3", On: request("ACK"), Check: func(s *Seen) string {
			switch {
			case s.Asked == nil:
				return "it belongs to no INVITE"
			case s.CSeq() != s.Asked.CSeq():
				return "another CSeq than the INVITE"
			case s.tag("from") != s.Asked.tag("from"):
				return "another From tag than the INVITE"
			case s.branch() == s.Asked.branch():
				return complain(s.URI != s.Asked.URI, "another Request-URI than the INVITE")
			case s.Call != nil && s.Call.offered != (len(s.Body) > 0):
				return "our 200 had an offer and it has no answer, or the other way round (RFC 3261 section 13.2.1)"
			}
			return ""
		}},
		{Name: "cancel", Status: 481, Why: "RFC 3261 section 9.1", On: request("CANCEL"), Check: func(s *Seen) string {
			switch {
			case s.Asked == nil:
				return "it cancels nothing"
			case s.URI != s.Asked.URI || s.Get("from") != s.Asked.Get("from") || s.Get("to") != s.Asked.Get("to") || s.Get("call-id") != s.Asked.Get("call-id"):
				return "Request-URI, From, To or Call-ID is not that of the INVITE"
			case s.CSeq() != s.Asked.CSeq():
				return "another CSeq than the INVITE"
			}
			return complain(s.Has("require") || s.Has("proxy-require"), "Require in a CANCEL")
		}},
		{Name: "rack", Status: 481, Why: "RFC 3262 section 3", On: request("PRACK"), Check: func(s *Seen) string {
			return complain(s.Call != nil && !slices.Contains(s.Call.rings, s.Get("rack")), "RAck %q answers no provisional response of ours", s.Get("rack"))
		}},
	}
}

func responseRules() []Rule {
	return []Rule{
		{Name: "stray", Why: "RFC 3261 section 17.1.3", On: response, Check: func(s *Seen) string {
			return complain(s.Asked == nil, "it answers nothing that we asked")
		}},
		{Name: "echo", Why: "RFC 3261 section 8.2.6.2", On: response, Check: func(s *Seen) string {
			a := s.Asked
			return complain(a != nil && (s.Get("from") != a.Get("from") || s.Get("call-id") != a.Get("call-id") || s.Get("cseq") != a.Get("cseq") || len(s.All("via")) != len(a.All("via"))),
				"From, Call-ID, CSeq or Via is not that of the request")
		}},
		{Name: "to-tag", Why: "RFC 3261 section 8.2.6.2", On: response, Check: func(s *Seen) string {
			if s.Status > 100 && s.tag("to") == "" {
				return "no To tag"
			}
			return complain(s.Asked != nil && s.Asked.tag("to") != "" && s.tag("to") != s.Asked.tag("to"), "another To tag within the dialog")
		}},
		{Name: "rseq", Why: "RFC 3262 section 3", On: func(s *Seen) bool { return s.Status != 0 && (s.Has("rseq") || s.Tagged("require", "100rel")) }, Check: func(s *Seen) string {
			n, _ := s.Number("rseq")
			last := 0
			if s.Call != nil {
				last = s.Call.theirs[s.tag("to")]
			}
			switch {
			case s.Status < 101 || s.Status > 199 || s.Method != "INVITE":
				return "only 101 to 199 to INVITE are reliable"
			case s.Asked != nil && !s.Asked.Tagged("supported", "100rel") && !s.Asked.Tagged("require", "100rel"):
				return "we did not say that we know 100rel"
			case n < 1 || n >= 1<<31 || !s.Tagged("require", "100rel"):
				return "RSeq without Require: 100rel, or the other way round"
			}
			return complain(last != 0 && n != last+1, "RSeq %d after %d", n, last)
		}},
	}
}

func bodyRules() []Rule {
	return []Rule{
		{Name: "content-length", Status: 400, Why: "RFC 3261 sections 18.3 and 20.14", On: anything, Check: func(s *Seen) string {
			n, _ := s.Number("content-length")
			if !s.Has("content-length") {
				return complain(s.Transport != "UDP", "none, on a stream")
			}
			return complain(n != len(s.Body), "Content-Length %q, and %d bytes", s.Get("content-length"), len(s.Body))
		}},
		{Name: "content-type", Status: 415, Why: "RFC 3261 section 20.15", On: func(s *Seen) bool { return len(s.Body) > 0 }, Check: func(s *Seen) string {
			return complain(!strings.Contains(s.Get("content-type"), "/"), "a body of type %q", s.Get("content-type"))
		}},
		{Name: "sdp", Status: 400, Why: "RFC 4566 section 5", On: func(s *Seen) bool { return strings.HasPrefix(s.Get("content-type"), "application/sdp") }, Check: func(s *Seen) string {
			_, err := ParseSDP(s.Body)
			if err == nil {
				return ""
			}
			return err.Error()
		}},
		{Name: "answer", Why: "RFC 3264 section 6", On: func(s *Seen) bool { return s.Status != 0 && described(s) }, Check: checkAnswer},
		{Name: "sdp-version", Status: 488, Why: "RFC 3264 section 8", On: described, Check: func(s *Seen) string {
			if s.Call == nil || s.Call.got == nil {
				return ""
			}
			was, is := s.Call.got, s.sdp()
			switch same := is.same(was); {
			case is.Origin[1] != was.Origin[1] || is.Origin[0] != was.Origin[0]:
				return "another session in o="
			case same && is.Origin[2] != was.Origin[2]:
				return "the version of o= moved, and nothing changed"
			case !same && number(is.Origin[2]) != number(was.Origin[2])+1:
				return "the version of o= did not grow by one with the change"
			}
			return ""
		}},
	}
}

// checkAnswer holds an answer to the offer in the request.
func checkAnswer(s *Seen) string {
	if s.Asked == nil {
		return ""
	}
	offer, answer := s.Asked.sdp(), s.sdp()
	if offer == nil {
		return ""
	}
	if len(offer.Streams) != len(answer.Streams) {
		return fmt.Sprintf("%d streams answer %d", len(answer.Streams), len(offer.Streams))
	}
	for i, o := range offer.Streams {
		a := answer.Streams[i]
		opposite := map[string][]string{"sendrecv": {"sendrecv", "sendonly", "recvonly", "inactive"}, "sendonly": {"recvonly", "inactive"},
			"recvonly": {"sendonly", "inactive"}, "inactive": {"inactive"}}[o.Direction()]
		switch {
		case a.Kind != o.Kind || a.Proto != o.Proto:
			return fmt.Sprintf("m=%s %s answers m=%s %s", a.Kind, a.Proto, o.Kind, o.Proto)
		case a.Port == 0:
		case !slices.ContainsFunc(a.Formats, func(f string) bool { return slices.Contains(o.Formats, f) }):
			return "no payload type of the offer"
		case !slices.Contains(opposite, a.Direction()):
			return fmt.Sprintf("%s answers %s", a.Direction(), o.Direction())
		}
	}
	return ""
}
