package carrier

import (
	"fmt"
	"net/netip"
	"strings"
)

// NGNLine is a line of the next generation network. Port stands for 5060.
type NGNLine struct {
	Customer netip.AddrPort // the only source of requests, and the address of Contact and SDP
	Numbers  []string       // national
	Interval int            // Session-Expires that it writes in its 2xx, seconds; 0: 300, as the real one
}

// NGN is an NTT NGN line as it was observed (protocol.md section 2): no password, since the line is known; everything by address.
func NGN(l NGNLine) Profile {
	if l.Interval == 0 {
		l.Interval = 300
	}
	return Profile{
		Name: "NGN",
		Rules: append(append(ngnSignalling(l), ngnTimer()...), pacing(), callerRange(l.Numbers), privacy(), plain(), codecs("PCMU/8000", "TELEPHONE-EVENT/8000"), ptime(true), onlyAudio(),
			noHeader("no-digest", 403, "the line is known", "authorization", "proxy-authorization"),
			noMethod("no-refer", "transfers are bridged by the customer", "REFER", "REGISTER"),
			Rule{Name: "sdp-address", Status: 403, Why: "c= and o= are the NGN-side address", On: described, Check: func(s *Seen) string {
				d, own := s.sdp(), l.Customer.Addr().String()
				st, _ := d.Audio()
				return complain(st.Conn != own || d.Origin[5] != own, "c= %s, o= %s", st.Conn, d.Origin[5])
			}},
			Rule{Name: "even-port", Status: 488, Why: "RFC 3550 section 11: RTP on an even port", On: described, Check: func(s *Seen) string {
				st, _ := s.sdp().Audio()
				return complain(st.Port%2 != 0, "port %d", st.Port)
			}}),
		Packets: []PacketRule{{"rtp-dscp", "DSCP 32, TOS 0x80", func(k *Packet) string {
			return complain(k.TOS >= 0 && k.TOS>>2 != 32, "TOS %#x", k.TOS)
		}}},
		Supported: []string{"100rel", "timer"},
		Offers:    []string{"timer", "100rel"},
		Allow:     []string{"INVITE", "ACK", "CANCEL", "BYE", "PRACK", "UPDATE"},
		Audio:     Audio{Codecs: []string{"0 PCMU/8000"}, Events: true, Ptime: 20},
		Compact:   true,
		TOS:       0x80,
		MediaTOS:  0x80,
		Timer:     l.Interval,
	}
}

func ngnSignalling(l NGNLine) []Rule {
	return []Rule{
		{Name: "source-port", Why: "requests from another port than 5060 are dropped", On: request(), Check: func(s *Seen) string {
			return complain(s.Source != l.Customer, "from %s, the line is %s", s.Source, l.Customer)
		}},
		{Name: "dscp", Why: "DSCP 32, TOS 0x80: packets without are dropped", On: anything, Check: func(s *Seen) string {
			return complain(s.TOS >= 0 && s.TOS>>2 != 32, "TOS %#x", s.TOS)
		}},
		{Name: "size", Why: "requests over 1,300 bytes never arrive by UDP (RFC 3261 section 18.1.1)", On: request(), Check: func(s *Seen) string {
			return complain(len(s.Raw) > 1300, "%d bytes", len(s.Raw))
		}},
		{Name: "server-address", Status: 403, Why: "Request-URI and To have the server's address, not a name", On: outside("INVITE"), Check: func(s *Seen) string {
			own := s.UA.opts.Local
			to := s.address("to").URI
			return complain(s.uri().hostPort() != own.String() && s.uri().Host != own.Addr().String() || to.Host != own.Addr().String(), "Request-URI %s, To %s", s.URI, to.Text)
		}},
		{Name: "national", Status: 404, Why: "numbers are written as they are dialled", On: outside("INVITE"), Check: func(s *Seen) string {
			n := s.uri().User
			return complain(n == "" || strings.Trim(n, "0123456789#*") != "", "Request-URI %s", s.URI)
		}},
		{Name: "contact-address", Status: 403, Why: "Contact is the NGN-side address", On: either(request("INVITE"), success("INVITE")), Check: func(s *Seen) string {
			return complain(s.contact().URI.hostPort() != l.Customer.String(), "Contact %s", s.contact().URI.Text)
		}},
		{Name: "allow", Status: 403, Why: "the session is refreshed by UPDATE, so it must be allowed", On: either(outside("INVITE"), success("INVITE")), Check: func(s *Seen) string {
			return complain(!s.Tagged("allow", "UPDATE") || !s.Tagged("allow", "PRACK"), "Allow: %s", strings.Join(s.All("allow"), ", "))
		}},
	}
}

func ngnTimer() []Rule {
	return []Rule{
		{Name: "session-timer", Status: 421, Why: "Session-Expires: 300 and Supported: timer in each INVITE, Session-Expires in each 2xx", On: either(outside("INVITE"), success("INVITE")), Check: func(s *Seen) string {
			n, _ := s.Number("session-expires")
			timer := s.Tagged("supported", "timer") || s.Tagged("require", "timer")
			return complain(n != 300 && (s.Status == 0 || s.Asked == nil || s.Asked.tag("to") == "") || !timer, "Session-Expires %q", s.Get("session-expires"))
		}},
		{Name: "refresh-by-update", Status: 488, Why: "a refresh is an UPDATE without body", On: inside("INVITE"), Check: func(s *Seen) string {
			d := s.sdp()
			return complain(d != nil && s.Call != nil && s.Call.got != nil && d.same(s.Call.got), "a re-INVITE that changes nothing")
		}},
	}
}

// Dial is a call to the line: the number stands in P-Called-Party-ID, To has another one. From "" is an anonymous caller.
func (l NGNLine) Dial(server netip.Addr, did, from string) Dial {
	caller := fmt.Sprintf("<sip:%s@%s>", from, server)
	fields := headers("P-Called-Party-ID", fmt.Sprintf("<sip:%s@%s>", did, server), "Session-Expires", "300;refresher=uac", "Min-SE", "300")
	if from == "" {
		caller = `"Anonymous" <sip:anonymous@anonymous.invalid>`
		fields = append(fields, headers("Privacy", "id")...)
	}
	return Dial{URI: fmt.Sprintf("sip:%s", l.Customer), To: fmt.Sprintf("<sip:%s@%s>", l.Numbers[0], server), From: caller, Fields: fields}
}
