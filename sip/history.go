package sip

import (
	"slices"
	"strconv"
	"strings"
)

// maxDiversions are read of one message; requirements: no call is forwarded more than five times.
const maxDiversions = 5

// Diversion is one redirection on a call's way: who sent it elsewhere, and why (RFC 5806).
type Diversion struct {
	By      Address // its parameters are not used
	Reason  string  // a token of RFC 5806 section 4: "unconditional", "user-busy", "no-answer", "deflection"; empty: unknown
	Private bool    // who diverted is not to be shown
}

// String is the value of a Diversion header.
func (d Diversion) String() string {
	a := Address{Display: d.By.Display, URI: d.By.URI.WithoutHeaders()}
	if d.Private {
		a.Display = ""
	}
	reason := d.Reason
	if !IsToken(reason) {
		reason = "unknown"
	}
	privacy := "off"
	if d.Private {
		privacy = "full"
	}
	return a.WithParam("reason", reason).WithParam("counter", "1").WithParam("privacy", privacy).String()
}

// diversionStatus is the status of a History-Info Reason that says the same (RFC 7044 section 7.1, RFC 7544 section 4), and back.
var diversionStatus = map[string]int{"unconditional": 302, "user-busy": 486, "no-answer": 408, "deflection": 480, "unavailable": 503}

// ParseDiversions reads the fields of a Diversion header. The first of the message is the latest (RFC 5806 section 5); what is returned
// begins with the earliest. What cannot be read is passed over, and of more than five only the latest are kept.
func ParseDiversions(lines []string) (out []Diversion) {
	for _, line := range lines {
		for _, v := range SplitList(line) {
			a, err := ParseAddress(v)
			if err != nil || len(out) == maxDiversions {
				continue
			}
			d := Diversion{By: Address{Display: a.Display, URI: a.URI}}
			d.Reason, _ = a.Params.Get("reason")
			if d.Reason = strings.ToLower(d.Reason); !IsToken(d.Reason) || d.Reason == "unknown" {
				d.Reason = ""
			}
			privacy, _ := a.Params.Get("privacy")
			d.Private = privacy != "" && !strings.EqualFold(privacy, "off")
			out = append(out, d)
		}
	}
	slices.Reverse(out)
	return out
}

// FormatHistory is the value of a History-Info header (RFC 7044 section 5): each diverting party with the Reason of its diversion, and
// last the present target, mapped from the one before.
func FormatHistory(way []Diversion, target URI) string {
	var b strings.Builder
	index := "1"
	for i, d := range way {
		u := d.By.URI.WithoutHeaders()
		status, ok := diversionStatus[d.Reason]
		if !ok {
			status = 302
		}
		u.Headers = Params{{Name: "Reason", Value: "SIP;cause=" + strconv.Itoa(status)}}
		if d.Private {
			u.Headers = append(u.Headers, Param{Name: "Privacy", Value: "history"})
		}
		writeEntry(&b, u, index, i > 0)
		b.WriteString(", ")
		index += ".1"
	}
	writeEntry(&b, target.WithoutHeaders(), index, len(way) > 0)
	return b.String()
}

func writeEntry(b *strings.Builder, u URI, index string, mapped bool) {
	a := Address{URI: u}.WithParam("index", index)
	if before := strings.TrimSuffix(index, ".1"); mapped {
		a = a.WithParam("mp", before)
	}
	b.WriteString(a.String())
}

// ParseHistory reads the diverting parties of a History-Info header, the earliest first: those entries that have a Reason. At most the
// latest five are kept; what cannot be read is passed over.
func ParseHistory(lines []string) (out []Diversion) {
	for _, line := range lines {
		for _, v := range SplitList(line) {
			a, err := ParseAddress(v)
			if err != nil {
				continue
			}
			reason, diverted := header(a.URI, "Reason")
			if !diverted {
				continue
			}
			d := Diversion{By: Address{Display: a.Display, URI: a.URI.WithoutHeaders()}}
			if c, err := ParseReason(reason); err == nil {
				d.Reason = divertedFor(c.Status)
			}
			privacy, _ := header(a.URI, "Privacy")
			d.Private = privacy != "" && !strings.EqualFold(privacy, "none")
			if len(out) == maxDiversions {
				out = slices.Delete(out, 0, 1)
			}
			out = append(out, d)
		}
	}
	return out
}

func divertedFor(status int) string {
	for _, word := range []string{"unconditional", "user-busy", "no-answer", "deflection", "unavailable"} {
		if diversionStatus[word] == status {
			return word
		}
	}
	return ""
}

// header is one of the headers part of a URI.
func header(u URI, name string) (string, bool) {
	for _, h := range u.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value, true
		}
	}
	return "", false
}
