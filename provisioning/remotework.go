package provisioning

import (
	"slices"
	"strings"
)

// Values of RemoteWork.Emergency.
const (
	RemoteEmergencyRefuse = "refuse"
	RemoteEmergencyCall   = "call"
)

// RemoteWork is what telephones outside the premises may do: those whose address is in none of the networks of the domain's sites. As long as no site has
// networks nobody knows which telephones these are, and nothing is said of any.
type RemoteWork struct {
	Restriction string   `json:"restriction,omitempty" doc:"Class that must open what such a telephone calls outside, beside whatever opens it for its extension; left out: no more is asked"`
	Emergency   string   `json:"emergency,omitempty" doc:"110, 118 and 119 from a softphone outside the premises, whose place nobody knows. refuse, or left out: it is told to use the dialler of a mobile; call: help is sent to the site of its extension. Desk telephones call for help from everywhere"`
	Softphones  []string `json:"softphones,omitempty" doc:"Beginnings of the User-Agent of softphones, in any case; left out: those of the usual ones. Browsers and telephones that are woken by push are softphones whatever they say"`
}

// usualSoftphones are beginnings of the User-Agent of programs that no desk telephone runs.
var usualSoftphones = []string{"acrobits", "baresip", "bria", "groundwire", "jitsi", "jssip", "linphone", "microsip", "portsip", "sip.js", "telephone", "zoiper"}

// Soft tells whether a telephone with that User-Agent is a softphone. A domain that says nothing of remote work knows the usual ones.
func (r *RemoteWork) Soft(userAgent string) bool {
	known := usualSoftphones
	if r != nil && r.Softphones != nil {
		known = r.Softphones
	}
	return slices.ContainsFunc(known, func(begin string) bool {
		return len(userAgent) >= len(begin) && strings.EqualFold(userAgent[:len(begin)], begin)
	})
}

// CallsHelp tells whether a softphone outside the premises may call for help.
func (r *RemoteWork) CallsHelp() bool { return r != nil && r.Emergency == RemoteEmergencyCall }

func (r *RemoteWork) check(c *check) {
	if r == nil {
		return
	}
	c.oneOf("remote.emergency", r.Emergency, "", RemoteEmergencyRefuse, RemoteEmergencyCall)
	c.list("remote.softphones", len(r.Softphones), 0, 50)
	c.each("remote.softphones", r.Softphones, func(at, s string) {
		c.text(at, s)
		c.must(s != "", at, "is empty")
	})
}

func (r *RemoteWork) refs() []Ref {
	if r == nil || r.Restriction == "" {
		return nil
	}
	return []Ref{{"remote.restriction", KindRestriction, r.Restriction}}
}
