// Package device owns how telephones of the inventory get their configuration over HTTPS: who may have which file, the files of five makers, and what is
// done about those who guess. It never believes a MAC alone, it shows a secret to nobody but its own telephone, and it decides nothing about calls.
package device

import (
	"context"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/est"
)

// Snapshot is what the service reads; from memory.
type Snapshot interface {
	Known
	Device(domain, mac string) (provisioning.ManagedDevice, bool)
	DeviceStatus(domain, mac string) provisioning.DeviceStatus
	DeviceKeys(domain, mac string) (provisioning.DeviceKeys, bool)
	// Enrolment is what a code is for, if it counts.
	Enrolment(domain, of, code string, now time.Time) (provisioning.Enrolment, bool)
}

// Config is what the service works on. Now, Store and Place are required.
type Config struct {
	Now   func() Snapshot
	Store provisioning.Store
	Place Place
	// Roots of a maker's device certificates; nil: none of theirs are believed.
	Roots map[string]*x509.CertPool
	// Authority is the PEM file that telephones are given.
	Authority []byte
	// Firmware opens a file of firmware by its hash; nil: there is none. fs.ErrNotExist.
	Firmware func(sum string) (*os.File, error)
	// Issuer gives telephones certificates of ours (RFC 7030); nil: there are none.
	Issuer *est.Authority
	// Domain is meant by requests for certificates that name none.
	Domain string
	// Book answers with the shared directory, as the telephone of that extension may see it; nil: there is none.
	Book func(w http.ResponseWriter, r *http.Request, domain, extension, maker string)
	// Refused is told of who proved nothing, and where from; it must not block. alarm: it was too often.
	Refused func(domain string, from netip.Addr, alarm bool)
	Clock   func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: slog.Default
}

// Service answers telephones. Safe for concurrent use.
type Service struct {
	Config
	guesses guesses
	roms    chan struct{} // one for each download
}

// New makes one.
func New(c Config) (*Service, error) {
	if c.Now == nil || c.Store == nil || c.Place.URL == "" {
		return nil, errors.New("device: a directory, a store and a URL are needed")
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Place.Minutes == 0 {
		c.Place.Minutes = 24 * 60
	}
	return &Service{Config: c, roms: make(chan struct{}, romsAtOnce)}, nil
}

// Path is where a telephone of a domain finds its files: by a claim code, by the element that it was given (DeviceKeys.Access), or, with an empty one, by the
// certificate of its maker.
func Path(domain, code string) string {
	if code != "" {
		code += "/"
	}
	return "/device/" + domain + "/" + code
}

// URL is what a telephone is told of as the server of its configuration, with a claim code.
func (s *Service) URL(domain, code string) string { return s.Place.URL + Path(domain, code) }

// Settings of a device as it would be told now.
func (s *Service) Settings(domain string, d provisioning.ManagedDevice) Settings {
	snap := s.Now()
	k, _ := snap.DeviceKeys(domain, d.MAC)
	return SettingsOf(s.Place, snap, domain, d, k, snap.DeviceStatus(domain, d.MAC).InService())
}

// asked is a request, taken apart.
type asked struct{ domain, code, file string }

// Sizes of what stands in a path.
const (
	claimSize = 26
	maxPath   = 400
)

// read takes a path apart. There is one form: anything else, such as a dot, an escape, a backslash or an empty element, is nobody's.
func read(r *http.Request) (a asked, ok bool) {
	path := r.URL.EscapedPath()
	if r.Method != http.MethodGet || len(path) > maxPath || r.URL.RawQuery != "" {
		return a, false
	}
	e := strings.Split(path, "/")
	if len(e) < 4 || len(e) > 5 || e[0] != "" || e[1] != "device" {
		return a, false
	}
	for _, text := range e[2:] {
		if text == "" || strings.Trim(text, ".") == "" || strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") != "" {
			return a, false
		}
	}
	a = asked{domain: strings.ToLower(e[2]), file: e[len(e)-1]}
	if len(e) == 5 {
		a.code = e[3]
	}
	return a, true
}

// proof is which device asks, and how that is known.
type proof struct {
	device provisioning.ManagedDevice
	by     string // as DeviceStatus.By
}

// ServeHTTP implements http.Handler. Whoever proves nothing, or asks for what is not there, gets one and the same answer.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from := addressOf(r)
	w.Header().Set("Cache-Control", "no-store")
	if strings.HasPrefix(r.URL.EscapedPath(), estPath) {
		s.est(w, r)
		return
	}
	a, ok := read(r)
	if !ok || r.TLS == nil { // what others could hear is not given
		s.refuse(w, a.domain, from)
		return
	}
	snap := s.Now()
	p, ok := s.prove(snap, r, a)
	if !ok {
		s.refuse(w, a.domain, from)
		return
	}
	v := vendors[p.device.Vendor]
	what := v.asked(a.file, p.device.MAC)
	if snap.DeviceStatus(a.domain, p.device.MAC).State == provisioning.DeviceLocked {
		what = nothing
	}
	switch {
	case what == accounts:
		s.accounts(w, r, a, p)
	case what == common:
		s.common(w, a, p)
	case what == authority && len(s.Authority) > 0:
		give(w, "application/x-pem-file", s.Authority)
	case what == nothing && s.rom(w, r, snap, a, p):
	case what == book && s.Book != nil && p.by == byAccess && len(p.device.Lines) > 0 && snap.DeviceStatus(a.domain, p.device.MAC).InService():
		s.Book(w, r, a.domain, p.device.Lines[0].Extension, p.device.Vendor)
	default: // telephones ask for much that we do not have; it is no guess
		http.NotFound(w, r)
	}
}

// How a telephone proved what it is.
const (
	byCertificate = "certificate" // of its maker
	byOwn         = "own"         // of ours
	byClaim       = "claim"
	byAccess      = "access"
)

// prove finds the device. A code costs a hash and a look into memory, whether there is such a one or not.
func (s *Service) prove(snap Snapshot, r *http.Request, a asked) (proof, bool) {
	switch {
	case a.code == "":
		return s.certified(snap, r, a)
	case len(a.code) == claimSize:
		e, ok := snap.Enrolment(a.domain, provisioning.EnrolDevice, a.code, s.Clock())
		if !ok {
			return proof{}, false
		}
		d, ok := snap.Device(a.domain, e.Name)
		return proof{d, byClaim}, ok
	}
	mac := macIn(a.code[:min(len(a.code), 12)])
	k, ok := snap.DeviceKeys(a.domain, mac)
	if !ok || k.Access == "" || subtle.ConstantTimeCompare([]byte(k.Access), []byte(a.code)) != 1 {
		return proof{}, false
	}
	d, ok := snap.Device(a.domain, mac)
	return proof{d, byAccess}, ok
}

// certified believes a certificate of ours, or of a device's own maker, if it names that device. The file's name only says which device is meant; where it names
// none, the certificate does.
func (s *Service) certified(snap Snapshot, r *http.Request, a asked) (proof, bool) {
	p, ok := s.shown(snap, r, a.domain)
	if named := macIn(a.file); !ok || named != "" && named != p.device.MAC {
		return proof{}, false
	}
	return p, true
}

// shown is the device of the certificate that a connection shows, on which it stands now: a connection stays open, and what is over is over at once.
func (s *Service) shown(snap Snapshot, r *http.Request, domain string) (proof, bool) {
	certs := r.TLS.PeerCertificates
	switch {
	case len(certs) == 0:
		return proof{}, false
	case s.Issuer != nil && s.Issuer.Ours(certs[0]):
		return s.own(snap, certs[0], domain)
	}
	between := x509.NewCertPool()
	for _, c := range certs[1:min(len(certs), 8)] {
		between.AddCert(c)
	}
	for maker, v := range vendors {
		mac := v.named(certs[0])
		roots := s.Roots[maker]
		if mac == "" || roots == nil {
			continue
		}
		d, ok := snap.Device(domain, mac)
		if !ok || d.Vendor != maker {
			continue
		}
		// A maker's certificates are for servers, clients or nothing in particular, as it happened (RFC 5280 section 4.2.1.12).
		_, err := certs[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: s.Clock(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		if err == nil {
			return proof{d, byCertificate}, true
		}
	}
	return proof{}, false
}

// own is the device of a certificate of ours that counts.
func (s *Service) own(snap Snapshot, c *x509.Certificate, domain string) (proof, bool) {
	now := s.Clock()
	of, mac, ok := s.Issuer.Device(c, now)
	d, there := snap.Device(domain, mac)
	if !ok || of != domain || !there || !snap.DeviceStatus(domain, mac).Certified(d, est.Serial(c), now) {
		return proof{}, false
	}
	return proof{d, byOwn}, true
}

// common tells where the telephone's own file is: by the way on which it asks now.
func (s *Service) common(w http.ResponseWriter, a asked, p proof) {
	v := vendors[p.device.Vendor]
	settings := Settings{MAC: p.device.MAC, URL: s.Place.URL + Path(a.domain, a.code)}
	snap := s.Now()
	if f, ok := snap.FirmwareFor(a.domain, p.device); ok && snap.DeviceStatus(a.domain, p.device.MAC).InService() {
		settings.Firmware = Rom{File: f.File, Version: f.Version, URL: settings.URL + f.File}
	}
	file, err := v.render(v.shared, settings)
	if err != nil {
		s.Log.Error("device: configuration", "domain", a.domain, "device", p.device.MAC, "err", err)
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	give(w, v.content, file)
}

// noteAgain is how often it is written down that a telephone fetched what it had been told before.
const noteAgain = time.Hour

// accounts gives a telephone its own file. A claim code is used up in the transaction that writes down that it was.
func (s *Service) accounts(w http.ResponseWriter, r *http.Request, a asked, p proof) {
	file, err := s.configure(r, a, p)
	switch {
	case errors.Is(err, provisioning.ErrNotFound): // the code was used, or the device went, a moment ago
		s.refuse(w, a.domain, addressOf(r))
	case err != nil:
		s.Log.Error("device: configuration", "domain", a.domain, "device", p.device.MAC, "err", err)
		w.Header().Set("Retry-After", "60")
		http.Error(w, "", http.StatusServiceUnavailable)
	default:
		give(w, vendors[p.device.Vendor].content, file)
	}
}

func (s *Service) configure(r *http.Request, a asked, p proof) ([]byte, error) {
	snap, now := s.Now(), s.Clock()
	st := snap.DeviceStatus(a.domain, p.device.MAC)
	if k, ok := snap.DeviceKeys(a.domain, p.device.MAC); p.by != byClaim && (ok || st.State == provisioning.DeviceWiped) {
		file, err := Render(p.device.Vendor, SettingsOf(s.Place, snap, a.domain, p.device, k, st.InService()))
		if err != nil || st.Told == Fingerprint(file) && now.Sub(st.Fetched) < noteAgain {
			return file, err
		}
	}
	var file []byte
	err := s.Store.Update(context.WithoutCancel(r.Context()), provisioning.Subject{Domain: a.domain, System: true, Source: addressOf(r).String()}, func(w provisioning.Writer) (err error) {
		file, err = s.note(w, r, a, p, now)
		return err
	})
	return file, err
}

// note writes down what the device is given, and makes its keys where it has none.
func (s *Service) note(w provisioning.Writer, r *http.Request, a asked, p proof, now time.Time) ([]byte, error) {
	if p.by == byClaim {
		if _, err := provisioning.Enrol(w, a.domain, provisioning.EnrolDevice, a.code, now); err != nil {
			return nil, err
		}
	}
	d, _, err := provisioning.Get[provisioning.ManagedDevice](w, a.domain, p.device.MAC)
	if err != nil {
		return nil, err
	}
	st, _, err := provisioning.Get[provisioning.DeviceStatus](w, a.domain, d.MAC)
	if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
		return nil, err
	}
	var k provisioning.DeviceKeys
	if st.State != provisioning.DeviceWiped {
		if k, err = provisioning.EnsureDeviceKeys(w, a.domain, d.MAC); err != nil {
			return nil, err
		}
	}
	file, err := Render(d.Vendor, SettingsOf(s.Place, stored{w}, a.domain, d, k, st.InService()))
	if err != nil {
		return nil, err
	}
	st.MAC, st.Fetched, st.Told, st.By, st.From, st.Agent = d.MAC, now.UTC().Truncate(time.Second), Fingerprint(file), p.by, addressOf(r).String(), agentOf(r)
	_, err = provisioning.Put(w, a.domain, st, "")
	return file, err
}

// FirmwareFor implements Known.
func (t stored) FirmwareFor(domain string, d provisioning.ManagedDevice) (provisioning.Firmware, bool) {
	all, err := provisioning.List[provisioning.Firmware](t.Reader, domain, "", 0)
	if err != nil {
		return provisioning.Firmware{}, false
	}
	states, err := provisioning.List[provisioning.FirmwareStatus](t.Reader, domain, "", 0)
	if err != nil {
		return provisioning.Firmware{}, false
	}
	files, rolled := map[string]provisioning.Firmware{}, map[string]provisioning.FirmwareStatus{}
	for _, f := range all {
		files[f.Name] = f
	}
	for _, s := range states {
		rolled[s.Name] = s
	}
	return provisioning.FirmwareOf(d, files, rolled)
}

// stored is Known of a transaction.
type stored struct{ provisioning.Reader }

// Domain implements Known.
func (t stored) Domain(name string) (provisioning.Domain, bool) {
	d, _, err := provisioning.Get[provisioning.Domain](t.Reader, name, name)
	return d, err == nil
}

// Extension implements Known.
func (t stored) Extension(domain, number string) (provisioning.Extension, bool) {
	e, _, err := provisioning.Get[provisioning.Extension](t.Reader, domain, number)
	return e, err == nil
}

// maxAgent bounds what is kept of what a telephone calls itself, in characters.
const maxAgent = 100

func agentOf(r *http.Request) string {
	text := []rune(r.UserAgent())
	s, err := plain(string(text[:min(len(text), maxAgent)]))
	if err != nil {
		return ""
	}
	return s
}

// refuse answers whoever proved nothing. Known and unknown devices, domains and files look alike; a flood is told to wait, whatever it asks for.
func (s *Service) refuse(w http.ResponseWriter, domain string, from netip.Addr) {
	s.refuseWith(w, domain, from, http.StatusNotFound, "404 page not found") // as http.NotFound
}

func (s *Service) refuseWith(w http.ResponseWriter, domain string, from netip.Addr, status int, text string) {
	tooOften := s.guesses.wrong(from, s.Clock())
	if s.Refused != nil {
		s.Refused(domain, from, tooOften)
	}
	if tooOften {
		w.Header().Set("Retry-After", strconv.Itoa(int(guessRest/time.Second)))
		http.Error(w, "", http.StatusTooManyRequests)
		return
	}
	http.Error(w, text, status)
}

func give(w http.ResponseWriter, content string, file []byte) {
	w.Header().Set("Content-Type", content)
	w.Header().Set("Content-Length", strconv.Itoa(len(file)))
	_, _ = w.Write(file) // the telephone is gone
}

func addressOf(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}
