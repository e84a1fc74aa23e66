package carrier

import (
	"net/netip"
	"strings"
)

// Contract is a line that is known by its address.
type Contract struct {
	Sources []netip.Prefix
	Numbers []string // national, that it may show
}

// IPCarrier is a carrier that knows its customer by address and asks for no password: +E.164 numbers, an asserted identity of the contract,
// G.711 of 20 ms, nothing of transfers.
func IPCarrier(c Contract) Profile {
	return Profile{
		Name: "IP carrier",
		Rules: []Rule{
			source(c.Sources), pacing(), callerRange(c.Numbers), privacy(), plain(), codecs("PCMU/8000", "PCMA/8000", "TELEPHONE-EVENT/8000"), ptime(false), onlyAudio(),
			noMethod("no-refer", "transfers are bridged by the customer", "REFER"),
			noHeader("no-replaces", 403, "transfers are bridged by the customer", "replaces"),
			noHeader("no-digest", 403, "nothing asked for a password, and none may travel in clear", "authorization", "proxy-authorization"),
			{Name: "asserted", Status: 403, Why: "RFC 3325: the caller's identity is asserted once, for each call", On: outside("INVITE"), Check: func(s *Seen) string {
				n := len(s.All("p-asserted-identity"))
				return complain(n != 1, "%d P-Asserted-Identity", n)
			}},
			{Name: "e164", Status: 404, Why: "numbers are written +E.164", On: outside("INVITE"), Check: func(s *Seen) string {
				n := s.uri().User
				special := len(n) == 3 && strings.HasPrefix(n, "1")
				return complain(!special && (len(n) < 8 || n[0] != '+' || strings.Trim(n[1:], "0123456789") != ""), "Request-URI %s", s.URI)
			}},
		},
		Supported: []string{"timer"},
		Offers:    []string{"timer"},
		Allow:     []string{"INVITE", "ACK", "CANCEL", "BYE", "UPDATE", "OPTIONS"},
		Audio:     Audio{Codecs: []string{"0 PCMU/8000", "8 PCMA/8000"}, Events: true, Ptime: 20},
	}
}
