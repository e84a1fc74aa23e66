package carrier

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Tenant is a Direct Routing customer.
type Tenant struct {
	FQDN string // of the SBC: SAN of its certificate, host of its Contact
}

// Points is what the three points of Teams (sip., sip2., sip3.) know together.
type Points struct {
	tenant Tenant

	mu       sync.Mutex
	declined map[string]bool // From and To users of calls that a person declined
	refer    *Message        // the REFER that was sent last, as Refer-To and Referred-By
}

// NewPoints makes the state of one tenant.
func NewPoints(t Tenant) *Points { return &Points{tenant: t, declined: map[string]bool{}} }

// Teams is one point of Microsoft Teams Direct Routing.
func (t *Points) Teams() Profile {
	return Profile{
		Name: "Teams",
		Rules: append(append(t.identity(), t.routing()...), pacing(), t.media(), onlyAudio(),
			codecs("PCMU/8000", "PCMA/8000", "G722/8000", "G729/8000", "SILK/16000", "CN/8000", "TELEPHONE-EVENT/8000"),
			noHeader("no-replaces", 403, "Teams takes no request with Replaces since 2022-04", "replaces"),
			noMethod("no-register", "Direct Routing knows the SBC by its certificate", "REGISTER")),
		Supported:   []string{"timer", "100rel", "replaces", "histinfo"},
		Offers:      []string{"timer", "replaces", "histinfo"},
		Allow:       []string{"INVITE", "ACK", "CANCEL", "BYE", "PRACK", "UPDATE", "OPTIONS", "REFER", "NOTIFY", "INFO"},
		Audio:       Audio{Codecs: []string{"0 PCMU/8000", "8 PCMA/8000", "9 G722/8000", "13 CN/8000"}, Events: true, Ptime: 20, Crypto: []int{2, 3}, Extra: "|2^31|1:1"},
		RecordRoute: true,
	}
}

// identity: who the SBC is.
func (t *Points) identity() []Rule {
	fqdn := t.tenant.FQDN
	named := either(request("INVITE", "OPTIONS", "UPDATE", "REFER"), success("INVITE", "UPDATE", "OPTIONS"))
	return []Rule{
		{Name: "tls", Status: 403, Why: "mutual TLS only", On: request(), Check: func(s *Seen) string {
			certs := s.link.certificates()
			return complain(s.Transport != "TLS" || len(certs) == 0 || certs[0].VerifyHostname(fqdn) != nil, "%s, %d certificates", s.Transport, len(certs))
		}},
		{Name: "contact-fqdn", Status: 403, Why: "the Contact host is the FQDN of the certificate; an address fails the certificate check", On: named, Check: func(s *Seen) string {
			c := s.contact().URI
			if s.Count("contact") == 0 && (s.Method != "OPTIONS" || s.Status != 0) {
				return "" // the rule "contact"
			}
			return complain(!strings.EqualFold(c.Host, fqdn), "Contact %q", s.Get("contact"))
		}},
		{Name: "contact-transport", Status: 403, Why: "Contact says transport=tls, and no sips URI", On: named, Check: func(s *Seen) string {
			v, _ := s.contact().URI.Param("transport")
			return complain(s.Has("contact") && (!strings.EqualFold(v, "tls") || s.contact().URI.Scheme != "sip"), "Contact %q", s.Get("contact"))
		}},
		{Name: "record-route", Status: 403, Why: "an address in Record-Route fails the certificate check", On: outside(), Check: func(s *Seen) string {
			for _, v := range s.All("record-route") {
				if a, err := ParseAddress(v); err == nil && !strings.EqualFold(a.URI.Host, fqdn) {
					return "Record-Route " + v
				}
			}
			return ""
		}},
		{Name: "empty-user", Status: 400, Why: "no empty user before @", On: anything, Check: func(s *Seen) string {
			for _, u := range []URI{s.address("from").URI, s.address("to").URI, s.contact().URI, s.uri()} {
				if u.HasUser && u.User == "" {
					return u.Text
				}
			}
			return ""
		}},
		{Name: "from-fqdn", Status: 403, Why: "the From host is the FQDN of the SBC", On: outside("INVITE", "OPTIONS"), Check: func(s *Seen) string {
			u := s.address("from").URI
			return complain(!strings.EqualFold(u.Host, fqdn) && u.Host != "anonymous.invalid", "From %s", u.Text)
		}},
		{Name: "allow", Why: "OPTIONS and INVITE carry Allow; without NOTIFY in it no transfer is possible", On: either(outside("INVITE", "OPTIONS"), success("OPTIONS")), Check: func(s *Seen) string {
			return complain(!s.Tagged("allow", "INVITE") || !s.Tagged("allow", "NOTIFY") || !s.Tagged("allow", "REFER"), "Allow: %s", strings.Join(s.All("allow"), ", "))
		}},
		{Name: "options-refused", Why: "an SBC that does not answer 200 to OPTIONS gets no calls", On: response, Check: func(s *Seen) string {
			return complain(s.Method == "OPTIONS" && s.Status != 200, "%d to OPTIONS", s.Status)
		}},
	}
}

// routing: what is called, and what may not be called again.
func (t *Points) routing() []Rule {
	return []Rule{
		{Name: "e164", Status: 404, Why: "+E.164 in Request-URI and From", On: outside("INVITE"), Check: func(s *Seen) string {
			for _, u := range []URI{s.uri(), s.address("from").URI} {
				e164 := len(u.User) > 7 && u.User[0] == '+' && strings.Trim(u.User[1:], "0123456789") == ""
				if !e164 && !transferTarget(s) && u.Host != "anonymous.invalid" {
					return u.Text
				}
			}
			return ""
		}},
		{Name: "user-phone", Status: 404, Why: "user=phone in the Request-URI", On: outside("INVITE"), Check: func(s *Seen) string {
			v, _ := s.uri().Param("user")
			return complain(v != "phone" && !transferTarget(s), "Request-URI %s", s.URI)
		}},
		{Name: "point", Status: 404, Why: "the Request-URI names one of the points", On: outside("INVITE", "OPTIONS"), Check: func(s *Seen) string {
			return complain(!slices.Contains(TeamsPoints, s.uri().Host), "Request-URI %s", s.URI)
		}},
		{Name: "no-delayed-offer", Status: 488, Why: "an INVITE carries its offer", On: request("INVITE"), Check: func(s *Seen) string {
			return complain(s.tag("to") == "" && len(s.Body) == 0, "no SDP")
		}},
		{Name: "declined", Status: 603, Why: "603 is a person's answer and ends the call: no other route", On: outside("INVITE"), Check: func(s *Seen) string {
			t.mu.Lock()
			defer t.mu.Unlock()
			return complain(t.declined[callers(s.Message)], "called again after 603")
		}},
		{Name: "transfer", Status: 400, Why: "the INVITE of a transfer has each parameter of Refer-To in its Request-URI, and Referred-By as it was", On: func(s *Seen) bool { return outside("INVITE")(s) && transferTarget(s) }, Check: t.checkTransfer},
	}
}

// TeamsPoints are the hosts of the three points, in the order in which they are tried.
var TeamsPoints = []string{"sip.pstnhub.microsoft.com", "sip2.pstnhub.microsoft.com", "sip3.pstnhub.microsoft.com"}

func transferTarget(s *Seen) bool {
	_, ok := s.uri().Param("x-m")
	return ok
}

func callers(m *Message) string { return m.address("from").URI.User + ">" + m.uri().User }

// Declined notes that a person declined a call.
func (t *Points) Declined(m *Message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.declined[callers(m)] = true
}

// Refers notes the REFER of a transfer, whose INVITE must follow.
func (t *Points) Refers(referTo, referredBy string) []Field {
	f := headers("Refer-To", referTo, "Referred-By", referredBy)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refer = &Message{Fields: []Field{{Name: "refer-to", Value: referTo}, {Name: "referred-by", Value: referredBy}}}
	return f
}

func (t *Points) checkTransfer(s *Seen) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refer == nil {
		return "nobody transferred"
	}
	for _, p := range t.refer.address("refer-to").URI.Params {
		if !slices.Contains(s.uri().Params, p) && !strings.HasPrefix(p, "transport=") {
			return "lost from Refer-To: " + p
		}
	}
	return complain(s.Get("referred-by") != t.refer.Get("referred-by"), "Referred-By %q, was %q", s.Get("referred-by"), t.refer.Get("referred-by"))
}

// media: SDES with the suite that Teams knows.
func (t *Points) media() Rule {
	return Rule{Name: "sdes", Status: 488, Why: "RTP/SAVP with AES_CM_128_HMAC_SHA1_80", On: described, Check: func(s *Seen) string {
		st, ok := s.sdp().Audio()
		lines := st.Attr("crypto")
		good := slices.ContainsFunc(lines, func(v string) bool {
			k, err := parseCrypto(v)
			return err == nil && k.suite == "AES_CM_128_HMAC_SHA1_80"
		})
		switch {
		case !ok || st.Proto != "RTP/SAVP" || !good:
			return fmt.Sprintf("%s with %d keys", st.Proto, len(lines))
		case s.Asked == nil || s.Asked.sdp() == nil:
			return ""
		}
		own, _ := s.Asked.sdp().Audio()
		k, _ := parseCrypto(lines[0])
		known := slices.ContainsFunc(own.Attr("crypto"), func(v string) bool { return strings.HasPrefix(v, k.tag+" ") })
		return complain(len(lines) != 1 || !known, "%d keys answer, tag %s", len(lines), k.tag)
	}}
}

// Demoted tells whether the SBC was silent for so long that Teams sends its calls elsewhere: no OPTIONS in 5 minutes.
func (u *UA) Demoted(now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return now.Sub(u.options) > 5*time.Minute
}

// MutualTLS is how Teams listens and dials: it shows a certificate for servers only, and wants the SBC's to come from a known authority.
// Whose it is the rule "tls" says.
func MutualTLS(own tls.Certificate, roots *x509.CertPool, dials string) (server, client *tls.Config) {
	server = &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12, ClientAuth: tls.RequireAnyClientCert,
		VerifyConnection: func(cs tls.ConnectionState) error {
			_, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
			return err
		}}
	client = &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12, RootCAs: roots, ServerName: dials}
	return server, client
}
