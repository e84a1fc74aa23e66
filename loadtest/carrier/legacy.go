package carrier

import (
	"fmt"
	"slices"
	"strings"
)

// OldPBX is the system that is replaced: what it has is dialled by short numbers.
type OldPBX struct {
	Extensions []string // that still live there
}

// LegacyPBX tolerates little: no extension of SIP, no display names, no parameters, G.711 of 20 ms and nothing else.
func LegacyPBX(p OldPBX) Profile {
	return Profile{
		Name: "legacy PBX",
		Rules: []Rule{
			plain(), codecs("PCMU/8000", "PCMA/8000", "TELEPHONE-EVENT/8000"), ptime(true), onlyAudio(), here(),
			noMethod("no-update", "it knows RFC 2543 and a little of 3261", "UPDATE", "PRACK", "REFER", "SUBSCRIBE", "PUBLISH", "REGISTER", "MESSAGE"),
			noHeader("no-extension", 420, "it stumbles over extensions", "replaces", "session-expires", "min-se", "identity", "join", "geolocation"),
			noHeader("no-digest", 403, "the trunk has no password", "authorization", "proxy-authorization"),
			{Name: "no-display", Status: 400, Why: "its parser takes addresses without a display name", On: request("INVITE", "BYE", "ACK", "CANCEL"), Check: func(s *Seen) string {
				for _, name := range []string{"from", "to", "contact"} {
					if v := s.Get(name); v != "" && !strings.HasPrefix(v, "<") {
						return name + ": " + v
					}
				}
				return ""
			}},
			{Name: "no-parameters", Status: 404, Why: "its parser takes user@host", On: outside("INVITE"), Check: func(s *Seen) string {
				return complain(len(s.uri().Params) > 0 || len(s.address("to").URI.Params) > 0, "Request-URI %s", s.URI)
			}},
			{Name: "long-header", Status: 400, Why: "its lines hold 256 characters", On: anything, Check: func(s *Seen) string {
				for _, f := range s.Fields {
					if len(f.Value) > 240 {
						return f.Name
					}
				}
				return ""
			}},
			{Name: "short-number", Status: 404, Why: "it knows its own extensions", On: outside("INVITE"), Check: func(s *Seen) string {
				return complain(!slices.Contains(p.Extensions, s.uri().User), "%s is no extension here", s.uri().User)
			}},
			{Name: "short-caller", Status: 403, Why: "the caller is shown as a short number too, so that it can be called back", On: outside("INVITE"), Check: func(s *Seen) string {
				n := s.address("from").URI.User
				return complain(n == "" || strings.Trim(n, "0123456789") != "", "From %s", s.Get("from"))
			}},
			{Name: "has-offer", Status: 488, Why: "it knows no late offer", On: request("INVITE"), Check: func(s *Seen) string {
				return complain(len(s.Body) == 0, "no SDP")
			}},
		},
		Allow: []string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"},
		Audio: Audio{Codecs: []string{"0 PCMU/8000", "8 PCMA/8000"}, Events: true, Ptime: 20},
	}
}

// Dial is a call from an extension of the old system to one of the new.
func (p OldPBX) Dial(u *UA, from, to string) Dial {
	return Dial{URI: fmt.Sprintf("sip:%s@%s", to, u.opts.Remote), From: fmt.Sprintf("<sip:%s@%s>", from, u.opts.Local)}
}
