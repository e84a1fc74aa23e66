package carrier

import (
	"fmt"
	"net/netip"
)

// Account is a line at a carrier that registers.
type Account struct {
	User, Password string
	Domain         string   // realm and host of the address that is registered
	Algorithm      string   // "MD5" or "SHA-256"
	Numbers        []string // national, that it may show
	MinExpires     int      // 423 below
	Expires        int      // granted at most
	MinSE          int      // 422 below; 0: anything
}

// Registrar is what a registering carrier knows of the line. The lock of its UA guards it.
type Registrar struct {
	account Account
	auth    *digest
	contact string // registered Contact URI, "" for none
	from    netip.AddrPort
	callID  string
	cseq    int
	low     map[string]bool // Call-IDs that were told our Min-SE
}

// Contact is the URI that is registered, as it was written; "" for none. It is the Request-URI of a call to the line.
func (r *Registrar) Contact(u *UA) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return r.contact
}

// DigestCarrier is a carrier whose line registers by digest: one registration, calls only from where it is, caller IDs screened, session
// intervals not below its own.
func DigestCarrier(a Account) (Profile, *Registrar) {
	r := &Registrar{account: a, auth: newDigest(a.Domain, a.User, a.Password, a.Algorithm), low: map[string]bool{}}
	p := Profile{
		Name:      "digest carrier",
		Rules:     append([]Rule{r.auth.rule(), pacing(), callerRange(a.Numbers), privacy(), plain(), codecs("PCMU/8000", "PCMA/8000", "TELEPHONE-EVENT/8000"), ptime(false), onlyAudio()}, r.rules()...),
		Serve:     map[string]func(*Seen) *Reply{"REGISTER": r.register, "INVITE": r.invite},
		Supported: []string{"100rel", "timer"},
		Offers:    []string{"100rel", "timer"},
		Allow:     []string{"INVITE", "ACK", "CANCEL", "BYE", "PRACK", "UPDATE", "OPTIONS", "REGISTER"},
		Audio:     Audio{Codecs: []string{"0 PCMU/8000", "8 PCMA/8000"}, Events: true, Ptime: 20},
	}
	return p, r
}

func (r *Registrar) rules() []Rule {
	aor := "sip:" + r.account.User + "@" + r.account.Domain
	return []Rule{
		{Name: "register-uri", Status: 404, Why: "RFC 3261 section 10.2: the domain, without a user", On: request("REGISTER"), Check: func(s *Seen) string {
			return complain(s.uri().HasUser || s.uri().Host != r.account.Domain, "Request-URI %s", s.URI)
		}},
		{Name: "register-aor", Status: 403, Why: "From and To are the line's address", On: request("REGISTER"), Check: func(s *Seen) string {
			return complain(s.address("from").URI.Text != aor || s.address("to").URI.Text != aor, "From %s, To %s", s.address("from").URI.Text, s.address("to").URI.Text)
		}},
		{Name: "one-contact", Status: 403, Why: "one registration per line", On: request("REGISTER"), Check: func(s *Seen) string {
			all := s.All("contact")
			if len(all) != 1 || all[0] == "*" {
				return fmt.Sprintf("%d Contacts", len(all))
			}
			return complain(r.contact != "" && s.Source != r.from, "registered from %s already", r.from)
		}},
		{Name: "register-order", Status: 500, Why: "RFC 3261 section 10.2: CSeq grows with each REGISTER of a Call-ID", On: request("REGISTER"), Check: func(s *Seen) string {
			return complain(s.Get("call-id") == r.callID && s.CSeq() <= r.cseq, "CSeq %d after %d", s.CSeq(), r.cseq)
		}},
		{Name: "registered", Status: 403, Why: "calls come from the registered contact only", On: outside("INVITE"), Check: func(s *Seen) string {
			reg, err := ParseURI(r.contact)
			if err != nil || s.Source != r.from {
				return fmt.Sprintf("%s is not registered", s.Source)
			}
			return complain(s.contact().URI.hostPort() != reg.hostPort(), "Contact %s, registered %s", s.contact().URI.Text, r.contact)
		}},
		{Name: "min-se", Status: 403, Why: "RFC 4028 section 7.3: the interval of a 422 is respected", On: outside("INVITE"), Check: func(s *Seen) string {
			n, _ := s.Number("session-expires")
			return complain(r.low[s.Get("call-id")] && n >= 0 && n < r.account.MinSE, "Session-Expires %d after our 422", n)
		}},
	}
}

// register is the registrar: challenge, too brief, or bound.
func (r *Registrar) register(s *Seen) *Reply {
	if !s.Has("authorization") {
		return &Reply{401, headers("WWW-Authenticate", r.auth.challenge())}
	}
	ask, _ := s.Number("expires")
	if v, ok := s.contact().Param("expires"); ok {
		ask = number(v)
	}
	if ask < 0 {
		ask = 3600
	}
	if ask != 0 && ask < r.account.MinExpires {
		return &Reply{423, headers("Min-Expires", fmt.Sprint(r.account.MinExpires))}
	}
	r.callID, r.cseq = s.Get("call-id"), s.CSeq()
	if ask == 0 {
		r.contact = ""
		return &Reply{Status: 200}
	}
	r.contact, r.from = s.contact().URI.Text, s.Source
	return &Reply{200, headers("Contact", fmt.Sprintf("<%s>;expires=%d", r.contact, min(ask, r.account.Expires)))}
}

// invite challenges, or wants a longer session interval; nil: go on.
func (r *Registrar) invite(s *Seen) *Reply {
	if s.tag("to") != "" {
		return nil
	}
	if !s.Has("proxy-authorization") {
		return &Reply{407, headers("Proxy-Authenticate", r.auth.challenge())}
	}
	if n, _ := s.Number("session-expires"); n >= 0 && n < r.account.MinSE {
		r.low[s.Get("call-id")] = true
		return &Reply{422, headers("Min-SE", fmt.Sprint(r.account.MinSE))}
	}
	return nil
}

// Dial is a call to the line: the Request-URI is the registered Contact, whatever its user part (JJ-90.24), and the called number stands in To.
func (r *Registrar) Dial(u *UA, did, from string) Dial {
	return Dial{URI: r.Contact(u), To: fmt.Sprintf("<sip:%s@%s>", did, r.account.Domain), From: fmt.Sprintf("<sip:%s@%s>", from, r.account.Domain),
		Fields: headers("P-Called-Party-ID", fmt.Sprintf("<sip:%s@%s>", did, r.account.Domain), "P-Asserted-Identity", fmt.Sprintf("<sip:%s@%s>", from, r.account.Domain))}
}
