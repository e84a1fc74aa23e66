package carrier

import (
	"fmt"
	"strings"
)

// Bulk is a provider with RFC 6140 registration: one REGISTER binds all numbers of a PBX.
func Bulk(a Account) (Profile, *Registrar) {
	r := &Registrar{account: a, auth: newDigest(a.Domain, a.User, a.Password, a.Algorithm), low: map[string]bool{}}
	p, _ := DigestCarrier(a)
	p.Name = "gin provider"
	p.Rules = append([]Rule{r.auth.rule(), pacing(), callerRange(a.Numbers), privacy(), plain(), codecs("PCMU/8000", "PCMA/8000", "TELEPHONE-EVENT/8000"), ptime(false), onlyAudio()}, r.rules()...)
	p.Rules = append(p.Rules, ginRules()...)
	p.Serve = map[string]func(*Seen) *Reply{"REGISTER": r.register, "INVITE": r.invite}
	p.Supported = []string{"100rel", "timer", "gin"}
	return p, r
}

func ginRules() []Rule {
	return []Rule{
		{Name: "gin", Status: 421, Why: "RFC 6140 section 5.1: Require and Proxy-Require: gin", On: request("REGISTER"), Check: func(s *Seen) string {
			return complain(!s.Tagged("require", "gin") || !s.Tagged("proxy-require", "gin"), "Require %q, Proxy-Require %q", s.Get("require"), s.Get("proxy-require"))
		}},
		{Name: "bnc", Status: 400, Why: "RFC 6140 section 5.2: Contact has ;bnc and no user", On: request("REGISTER"), Check: func(s *Seen) string {
			c := s.contact().URI
			_, ok := c.Param("bnc")
			return complain(c.HasUser || !ok, "Contact %s", c.Text)
		}},
		{Name: "path", Status: 421, Why: "RFC 6140 section 5.1: Supported: path", On: request("REGISTER"), Check: func(s *Seen) string {
			return complain(!s.Tagged("supported", "path"), "Supported %q", s.Get("supported"))
		}},
		{Name: "no-instance", Status: 400, Why: "RFC 6140 section 5.2: a bulk contact is no GRUU of one phone", On: request("REGISTER"), Check: func(s *Seen) string {
			_, ok := s.contact().Param("reg-id")
			return complain(ok, "Contact %s", s.Get("contact"))
		}},
		{Name: "e164", Status: 404, Why: "RFC 6140 section 4: global numbers", On: outside("INVITE"), Check: func(s *Seen) string {
			n := s.uri().User
			special := len(n) == 3 && strings.HasPrefix(n, "1")
			return complain(!special && !strings.HasPrefix(n, "+"), "Request-URI %s", s.URI)
		}},
	}
}

// DialBulk is a call to one of the numbers: the number stands before the registered host, and bnc is gone (RFC 6140 section 7.1.1).
func (r *Registrar) DialBulk(u *UA, did, from string) Dial {
	uri := strings.Replace(strings.TrimSuffix(strings.Replace(r.Contact(u), ";bnc", "", 1), ";"), "sip:", "sip:"+did+"@", 1)
	return Dial{URI: uri, To: fmt.Sprintf("<sip:%s@%s>", did, r.account.Domain), From: fmt.Sprintf("<sip:%s@%s>", from, r.account.Domain)}
}
