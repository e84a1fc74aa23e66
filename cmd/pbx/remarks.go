package main

import (
	"strings"

	"naisen/cmd/pbx/internal/call"
	"naisen/sip"
	"naisen/sip/number"
	"naisen/sip/stack"
	"naisen/sip/trunk"
)

// remarks are what a phone of ours learns of a call besides its caller: the identity that the switch vouches for (RFC 3325; to a phone that
// may not know it, that there is one, RFC 3323), who transferred it (RFC 3892), and who sent it elsewhere before (RFC 5806, RFC 7044).
func (d *dialler) remarks(out call.Outgoing) (h []stack.Header) {
	add := func(name, value string) { h = append(h, stack.Header{Name: name, Value: value}) }
	switch {
	case out.From.Withheld:
		add("Privacy", "id")
	case out.From.Number != "":
		add("P-Asserted-Identity", d.shown(out).String())
	}
	if out.ReferredBy != "" {
		add("Referred-By", sip.Address{URI: sip.URI{Scheme: "sip", User: out.ReferredBy, Host: out.Domain}}.String())
	}
	way := make([]sip.Diversion, len(out.Way))
	for i, d := range out.Way {
		if d.Private { // not even to be found under the hood
			d.By = sip.Address{URI: sip.URI{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}}
		}
		way[i] = d
	}
	for i := len(way) - 1; i >= 0; i-- { // the latest on top (RFC 5806 section 5)
		add("Diversion", way[i].String())
	}
	if len(way) > 0 {
		add("History-Info", sip.FormatHistory(way, sip.URI{Scheme: "sip", User: out.To, Host: out.Domain}))
	}
	return h
}

// carried adds to a carrier's call what the way to it asks for; how the carrier wants to hear it is its profile's business.
func carried(w trunk.Call, out call.Outgoing) trunk.Call {
	if out.Diverter != "" { // the caller is somebody else than who pays
		w.Caller, w.Display, w.Diverter = out.From.Number, out.From.Display, out.Diverter
		if n := len(out.Way); n > 0 {
			w.Reason = out.Way[n-1].Reason
		}
	}
	if out.From.Withheld && out.From.Number != "" && w.Wish == number.PresentDefault && !w.Emergency {
		w.Wish = number.PresentWithheld
	}
	return w
}

// wayOf is how a carrier's call came to us: what one header leaves out the other may say.
func wayOf(h *stack.Headers) []sip.Diversion {
	if way := sip.ParseDiversions(h.Lines("Diversion")); len(way) > 0 {
		return way
	}
	return sip.ParseHistory(h.Lines("History-Info"))
}

// private says that a caller does not want to be shown (RFC 3323 section 4.2, RFC 3325 section 9.3).
func private(h *stack.Headers) bool {
	for _, v := range h.Lines("Privacy") {
		for _, word := range strings.Split(v, ";") {
			switch strings.ToLower(strings.TrimSpace(word)) {
			case "id", "user", "header":
				return true
			}
		}
	}
	return false
}
