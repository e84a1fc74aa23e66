package device

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/est"
)

// estPath is before the operations of RFC 7030 section 3.2.2, and before the label that names a domain.
const estPath = "/.well-known/est/"

// certificateRest is how long after a certificate the next one is not issued: each is a row of the store and an entry of the log.
const certificateRest = time.Minute

// requestTime is how long the request may take to come.
const requestTime = 10 * time.Second

// est answers as RFC 7030 says: who may have configuration by a certificate or a claim code may have a certificate by it. The code is used up by either.
func (s *Service) est(w http.ResponseWriter, r *http.Request) {
	label, operation, labelled := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), estPath), "/")
	domain := strings.ToLower(label)
	if !labelled {
		domain, operation = s.Domain, label
	}
	if s.Issuer == nil || r.TLS == nil || len(domain) > maxPath {
		s.refuse(w, domain, addressOf(r))
		return
	}
	switch r.Method + " " + operation {
	case "GET cacerts": // nothing of it is secret, and a telephone needs it before it can prove anything
		s.giveEncoded(w, domain, "application/pkcs7-mime", func() ([]byte, error) { return est.CertsOnly(s.Issuer.Certificate()) })
	case "GET csrattrs":
		s.giveEncoded(w, domain, "application/csrattrs", est.Attributes)
	case "POST simpleenroll", "POST simplereenroll":
		s.enrol(w, r, domain, operation == "simplereenroll")
	default:
		s.refuse(w, domain, addressOf(r))
	}
}

func (s *Service) giveEncoded(w http.ResponseWriter, domain, content string, make func() ([]byte, error)) {
	text, err := make()
	if err != nil {
		s.unavailable(w, domain, err)
		return
	}
	w.Header().Set("Content-Transfer-Encoding", "base64")
	give(w, content, text)
}

func (s *Service) unavailable(w http.ResponseWriter, domain string, err error) {
	s.Log.Error("device: certificate", "domain", domain, "err", err)
	w.Header().Set("Retry-After", "60")
	http.Error(w, "", http.StatusServiceUnavailable)
}

// enrol is simpleenroll and simplereenroll. Nothing of the body is read before it is known who asks.
func (s *Service) enrol(w http.ResponseWriter, r *http.Request, domain string, again bool) {
	p, code, ok := s.applicant(r, domain, again)
	if !ok {
		s.unauthorized(w, r, domain)
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(requestTime)) // where there are none it has none
	request, status, why := requestOf(w, r)
	if why == "" && again && !est.Renews(request, r.TLS.PeerCertificates[0]) {
		status, why = http.StatusBadRequest, "the subject is not that of the certificate"
	}
	if why != "" {
		http.Error(w, why, status)
		return
	}
	cert, err := s.issue(r, domain, p, code, request)
	switch {
	case errors.Is(err, errRest):
		w.Header().Set("Retry-After", "60")
		http.Error(w, "a certificate was issued a moment ago", http.StatusTooManyRequests)
	case errors.Is(err, provisioning.ErrNotFound):
		s.unauthorized(w, r, domain)
	case err != nil:
		s.unavailable(w, domain, err)
	default:
		s.giveEncoded(w, domain, "application/pkcs7-mime; smime-type=certs-only", func() ([]byte, error) { return est.CertsOnly(cert) })
	}
}

// unauthorized asks for a claim code (RFC 7030 section 3.2.3). Who has shown nothing yet has guessed nothing: clients ask so first.
func (s *Service) unauthorized(w http.ResponseWriter, r *http.Request, domain string) {
	w.Header().Set("WWW-Authenticate", `Basic realm="est"`)
	if r.Header.Get("Authorization") == "" && len(r.TLS.PeerCertificates) == 0 {
		http.Error(w, "", http.StatusUnauthorized)
		return
	}
	s.refuseWith(w, domain, addressOf(r), http.StatusUnauthorized, "")
}

// applicant is the device that asks for a certificate: by one of ours, by its maker's, or with its MAC and a claim code as name and password (RFC 7030 sections
// 3.3.2 and 3.2.3). Out of service, or with its lease over, it is nobody.
func (s *Service) applicant(r *http.Request, domain string, again bool) (p proof, code string, ok bool) {
	snap := s.Now()
	if p, ok = s.shown(snap, r, domain); !ok && !again {
		var name string
		if name, code, ok = r.BasicAuth(); ok {
			var e provisioning.Enrolment
			if e, ok = snap.Enrolment(domain, provisioning.EnrolDevice, code, s.Clock()); ok {
				p.device, ok = snap.Device(domain, e.Name)
				p.by, ok = byClaim, ok && strings.EqualFold(name, p.device.MAC)
			}
		}
	}
	if !ok || again && p.by != byOwn || !entitled(p.device, snap.DeviceStatus(domain, p.device.MAC), s.Clock()) {
		return proof{}, "", false
	}
	return p, code, true
}

// entitled says that a device may have a certificate.
func entitled(d provisioning.ManagedDevice, st provisioning.DeviceStatus, now time.Time) bool {
	return st.InService() && !d.LeaseOver(now)
}

// requestOf reads what a device wants certified; why: it is not taken, with that status.
func requestOf(w http.ResponseWriter, r *http.Request) (request *x509.CertificateRequest, status int, why string) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/pkcs10" {
		return nil, http.StatusUnsupportedMediaType, "the content is not application/pkcs10"
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, est.MaxRequest))
	if err != nil {
		return nil, http.StatusBadRequest, "the request is too long, or broke off"
	}
	request, err = est.ParseRequest(text)
	if wrong := est.RequestError(""); errors.As(err, &wrong) {
		return nil, http.StatusBadRequest, string(wrong)
	}
	return request, 0, ""
}

// errRest says that the device has just got one.
var errRest = errors.New("device: a certificate was issued a moment ago")

// issue writes down what it issues in the transaction that uses up the claim code. What does not stand there does not count.
func (s *Service) issue(r *http.Request, domain string, p proof, code string, request *x509.CertificateRequest) (cert *x509.Certificate, err error) {
	now, mac := s.Clock(), p.device.MAC
	subject := provisioning.Subject{Domain: domain, System: true, Source: addressOf(r).String()}
	err = s.Store.Update(context.WithoutCancel(r.Context()), subject, func(w provisioning.Writer) error {
		d, _, err := provisioning.Get[provisioning.ManagedDevice](w, domain, mac)
		if err != nil {
			return err
		}
		st, _, err := provisioning.Get[provisioning.DeviceStatus](w, domain, mac)
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return err
		}
		if !entitled(d, st, now) {
			return provisioning.ErrNotFound
		}
		if n := len(st.Certificates); n > 0 && now.Sub(st.Certificates[n-1].Issued) < certificateRest && p.by != byClaim {
			return errRest
		}
		if p.by == byClaim {
			if _, err := provisioning.Enrol(w, domain, provisioning.EnrolDevice, code, now); err != nil {
				return err
			}
		}
		if cert, err = s.Issuer.Issue(request, domain, mac, d.LeaseEnds(now.Location()), now); err != nil {
			return err
		}
		st.MAC = mac
		st = st.Issued(provisioning.DeviceCertificate{Serial: est.Serial(cert), Issued: now.UTC().Truncate(time.Second), Until: cert.NotAfter}, now)
		if _, err := provisioning.Put(w, domain, st, ""); err != nil {
			return err
		}
		return w.AddAudit(provisioning.AuditEntry{Domain: domain, Action: "device.issue", Object: "device/" + mac, Outcome: "ok",
			Detail: map[string]any{"serial": est.Serial(cert), "by": p.by, "until": cert.NotAfter.UTC().Format(time.RFC3339)}})
	})
	return cert, err
}
