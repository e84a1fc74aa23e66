package device

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

const ward = "ward.example"

// macs are one telephone of each maker.
var macs = map[string]string{provisioning.VendorYealink: "805ec0112233", provisioning.VendorPoly: "0004f2aabbcc", provisioning.VendorGrandstream: "000b82010203",
	provisioning.VendorPanasonic: "bcc342040506", provisioning.VendorCisco: "00aa6e070809"}

// rig is the service over a real store.
type rig struct {
	*Service
	t       *testing.T
	store   *store.Store
	dir     *directory.Directory
	roots   map[string]*maker
	refused []bool
	now     time.Time
}

func newRig(t *testing.T) *rig {
	t.Helper()
	keys, err := secret.OpenKeyring(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, roots: map[string]*maker{}, now: time.Now()}
	if r.store, err = store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "pbx.db"), Sealer: keys, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.store.Close() })
	if r.dir, err = directory.New(t.Context(), r.store, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.dir.Close() })
	r.update(func(w provisioning.Writer) error {
		list := []provisioning.Entity{provisioning.Domain{Name: ward, Language: "ja"}, provisioning.Extension{Number: "2001", Display: "税務課"}}
		for _, vendor := range provisioning.Vendors() {
			list = append(list, provisioning.ManagedDevice{MAC: macs[vendor], Vendor: vendor, Lines: []provisioning.DeviceLine{{Extension: "2001"}}})
		}
		for _, e := range list {
			if _, err := w.Put(ward, e, ""); err != nil {
				return err
			}
		}
		return nil
	})
	pools := map[string]*x509.CertPool{}
	for _, vendor := range provisioning.Vendors() {
		r.roots[vendor] = newMaker(t)
		pools[vendor] = x509.NewCertPool()
		pools[vendor].AddCert(r.roots[vendor].root)
	}
	r.Service, err = New(Config{Now: func() Snapshot { return r.dir.Snapshot() }, Store: r.store, Place: Place{URL: "https://pbx.example.jp", Port: 5061, CA: true}, Roots: pools, Authority: []byte("PEM"),
		Book: func(w http.ResponseWriter, _ *http.Request, _, extension, maker string) {
			fmt.Fprint(w, "book of "+extension+" for "+maker)
		},
		Refused: func(_ string, _ netip.Addr, alarm bool) { r.refused = append(r.refused, alarm) }, Clock: func() time.Time { return r.now }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) update(f func(provisioning.Writer) error) {
	r.t.Helper()
	var v provisioning.Version
	if err := r.store.Update(r.t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		err := f(w)
		v = w.Version()
		return err
	}); err != nil {
		r.t.Fatal(err)
	}
	if err := r.dir.WaitVersion(r.t.Context(), v); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) claim(mac string) (code string) {
	r.t.Helper()
	r.update(func(w provisioning.Writer) (err error) {
		code, err = provisioning.NewEnrolment(w, ward, provisioning.Enrolment{Of: provisioning.EnrolDevice, Name: mac, Until: r.now.Add(time.Hour)}, r.now)
		return err
	})
	return code
}

// catchUp lets the snapshot see what the service itself wrote.
func (r *rig) catchUp() { r.t.Helper(); r.update(func(provisioning.Writer) error { return nil }) }

// ask is a request over TLS, from a telephone that shows these certificates.
func (r *rig) ask(path string, certs ...*x509.Certificate) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodGet, "https://pbx.example.jp/", nil)
	req.URL.Path, req.URL.RawPath = path, ""
	if i := strings.Index(path, "%"); i >= 0 {
		if u, err := req.URL.Parse(path); err == nil {
			req.URL = u
		}
	}
	req.RemoteAddr, req.TLS = "192.0.2.7:4000", &tls.ConnectionState{PeerCertificates: certs}
	req.Header.Set("User-Agent", "Desk/1.0")
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

// maker issues device certificates.
type maker struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	root *x509.Certificate
}

func newMaker(t *testing.T) *maker {
	t.Helper()
	m := &maker{t: t}
	m.root, m.key = m.issue(x509.Certificate{Subject: pkix.Name{CommonName: "Equipment Issuing CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil)
	return m
}

func (m *maker) issue(c x509.Certificate, by *maker) (*x509.Certificate, *ecdsa.PrivateKey) {
	m.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		m.t.Fatal(err)
	}
	c.SerialNumber = big.NewInt(1)
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	}
	parent, signer := &c, key
	if by != nil {
		parent, signer = by.root, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, &c, parent, key.Public(), signer)
	if err != nil {
		m.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		m.t.Fatal(err)
	}
	return cert, key
}

func (m *maker) device(name string, change ...func(*x509.Certificate)) *x509.Certificate {
	c := x509.Certificate{Subject: pkix.Name{CommonName: name}}
	for _, f := range change {
		f(&c)
	}
	cert, _ := m.issue(c, m)
	return cert
}

// names of certificates and files, as the makers have them.
func nameOf(vendor, mac string) (certificate, file string) {
	switch vendor {
	case provisioning.VendorPoly:
		return strings.ToUpper(mac), mac + "-naisen.cfg"
	case provisioning.VendorGrandstream:
		return mac, "cfg" + mac + ".xml"
	case provisioning.VendorPanasonic:
		return mac, "Config" + strings.ToUpper(mac) + ".cfg"
	case provisioning.VendorCisco:
		return "CP-8851-3PCC SEP" + strings.ToUpper(mac), mac + ".xml"
	}
	return mac, mac + ".cfg"
}

// TestCertificateGivesConfiguration: a maker's certificate gives its own device's file, as often as it is asked for, and nothing else.
func TestCertificateGivesConfiguration(t *testing.T) {
	r := newRig(t)
	for _, vendor := range provisioning.Vendors() {
		mac := macs[vendor]
		name, file := nameOf(vendor, mac)
		for range 2 {
			w := r.ask("/device/"+ward+"/"+file, r.roots[vendor].device(name))
			if w.Code != 200 || !strings.Contains(w.Body.String(), "2001."+mac+".") || w.Header().Get("Cache-Control") != "no-store" {
				t.Fatalf("%s: %d %s", vendor, w.Code, w.Body)
			}
			r.catchUp()
		}
		st := r.dir.Snapshot().DeviceStatus(ward, mac)
		if st.By != "certificate" || st.Told == "" || st.Agent != "Desk/1.0" || st.From != "192.0.2.7" {
			t.Errorf("%s: %+v", vendor, st)
		}
		other := macs[provisioning.VendorYealink]
		if vendor == provisioning.VendorYealink {
			other = macs[provisioning.VendorPoly]
		}
		otherName, otherFile := nameOf(vendor, other)
		elsewhere := newMaker(t)
		for what, c := range map[string]*x509.Certificate{
			"nothing":              nil,
			"an unknown root":      elsewhere.device(name),
			"over":                 r.roots[vendor].device(name, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = r.now.Add(-48*time.Hour), r.now.Add(-time.Hour) }),
			"not yet":              r.roots[vendor].device(name, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = r.now.Add(time.Hour), r.now.Add(2*time.Hour) }),
			"another device":       r.roots[vendor].device(otherName),
			"the MAC and more":     r.roots[vendor].device(name + "0"),
			"no MAC":               r.roots[vendor].device("phone"),
			"the root of another":  r.roots[map[bool]string{true: provisioning.VendorPoly, false: provisioning.VendorYealink}[vendor == provisioning.VendorYealink]].device(name),
			"the MAC as a company": r.roots[vendor].device("x", func(c *x509.Certificate) { c.Subject.Organization = []string{mac} }),
		} {
			var shown []*x509.Certificate
			if c != nil {
				shown = []*x509.Certificate{c}
			}
			if w := r.ask("/device/"+ward+"/"+file, shown...); w.Code != 404 && w.Code != 429 || strings.Contains(w.Body.String(), mac) {
				t.Errorf("%s with %s: %d %s", vendor, what, w.Code, w.Body)
			}
		}
		if w := r.ask("/device/"+ward+"/"+otherFile, r.roots[vendor].device(name)); w.Code == 200 {
			t.Errorf("%s: the file of another device", vendor)
		}
		if w := r.ask("/device/elsewhere.example/"+file, r.roots[vendor].device(name)); w.Code == 200 {
			t.Errorf("%s: in another domain", vendor)
		}
		if w := r.ask("/device/"+ward+"/"+file, r.roots[vendor].device("x", func(c *x509.Certificate) { c.DNSNames = []string{name} })); w.Code != 200 && vendor != provisioning.VendorCisco {
			t.Errorf("%s: named by its DNS name: %d", vendor, w.Code)
		}
	}
}

// TestClaimGivesConfigurationOnce: a code gives common files as long as it counts, the device's own once; what it is given there goes on.
func TestClaimGivesConfigurationOnce(t *testing.T) {
	r := newRig(t)
	for vendor, ask := range map[string]struct{ common string }{provisioning.VendorYealink: {"y000000000065.cfg"}, provisioning.VendorPoly: {macs[provisioning.VendorPoly] + ".cfg"},
		provisioning.VendorGrandstream: {}, provisioning.VendorPanasonic: {"ConfigCommon.cfg"}, provisioning.VendorCisco: {"8851-3PCC.xml"}} {
		mac := macs[vendor]
		_, file := nameOf(vendor, mac)
		code := r.claim(mac)
		at := "/device/" + ward + "/" + code + "/"
		if ask.common != "" {
			for range 2 {
				if w := r.ask(at + ask.common); w.Code != 200 || strings.Contains(w.Body.String(), "2001") {
					t.Errorf("%s: %d %s", vendor, w.Code, w.Body)
				}
			}
		}
		_, foreign := nameOf(vendor, "0004f2000000")
		if w := r.ask(at + foreign); w.Code != 404 {
			t.Errorf("%s: the file of another one by the code: %d", vendor, w.Code)
		}
		w := r.ask(at + file)
		if w.Code != 200 || !strings.Contains(w.Body.String(), "2001."+mac) {
			t.Fatalf("%s: %d %s", vendor, w.Code, w.Body)
		}
		for range 2 { // before and after the snapshot knows
			if w := r.ask(at + file); w.Code != 404 {
				t.Errorf("%s: a code counts twice: %d", vendor, w.Code)
			}
			r.catchUp()
		}
		k, _ := r.dir.Snapshot().DeviceKeys(ward, mac)
		again := Path(ward, k.Access)
		if !strings.Contains(w.Body.String(), again) {
			t.Errorf("%s is not told where to ask from now on", vendor)
		}
		if second := r.ask(again + file); second.Code != 200 || second.Body.String() != w.Body.String() {
			t.Errorf("%s: %d, or another configuration", vendor, second.Code)
		}
		if w := r.ask(again + "ca.pem"); w.Body.String() != "PEM" {
			t.Errorf("%s: %d %s", vendor, w.Code, w.Body)
		}
		if w := r.ask(again + "directory.xml"); w.Body.String() != "book of 2001 for "+vendor {
			t.Errorf("%s: %d %s", vendor, w.Code, w.Body)
		}
		wrong := again[:len(again)-2] + "0/"
		if w := r.ask(wrong + file); w.Code == 200 {
			t.Errorf("%s: nearly the path", vendor)
		}
	}
}

// TestStoppedDeviceGetsNothing: locked nothing, quarantined and wiped a configuration without accounts; the old way in ends with a wipe.
func TestStoppedDeviceGetsNothing(t *testing.T) {
	r := newRig(t)
	mac := macs[provisioning.VendorYealink]
	name, file := nameOf(provisioning.VendorYealink, mac)
	cert := r.roots[provisioning.VendorYealink].device(name)
	at := "/device/" + ward + "/" + file
	if w := r.ask(at, cert); w.Code != 200 {
		t.Fatal(w.Code)
	}
	r.catchUp()
	k, _ := r.dir.Snapshot().DeviceKeys(ward, mac)
	for _, c := range []struct {
		state            string
		byCert, byAccess int
	}{{provisioning.DeviceLocked, 404, 404}, {provisioning.DeviceQuarantined, 200, 200}, {provisioning.DeviceWiped, 200, 404}} {
		r.update(func(w provisioning.Writer) error {
			_, err := provisioning.SetDeviceState(w, ward, mac, c.state, "", r.now)
			return err
		})
		for way, want := range map[string]int{at: c.byCert, Path(ward, k.Access) + file: c.byAccess} {
			var certs []*x509.Certificate
			if way == at {
				certs = append(certs, cert)
			}
			w := r.ask(way, certs...)
			if w.Code != want || strings.Contains(w.Body.String(), k.Current.Secret) || strings.Contains(w.Body.String(), "auth_name = 2001") {
				t.Errorf("%s, %s: %d %s", c.state, way, w.Code, w.Body)
			}
			if c.state == provisioning.DeviceWiped && strings.Contains(w.Body.String(), k.Access) {
				t.Error("a wiped device is told its old path")
			}
		}
		if w := r.ask(Path(ward, k.Access) + "directory.xml"); w.Code == 200 {
			t.Errorf("%s: the directory", c.state)
		}
	}
}

// TestPathsAnswerAlike: what is no path of ours, is unknown, or is another one's answers the same, whatever it tries.
func TestPathsAnswerAlike(t *testing.T) {
	mac := macs[provisioning.VendorYealink]
	var first string
	var r *rig
	for i, path := range []string{
		"/device/" + ward + "/" + mac + ".cfg", "/device/" + ward + "/805ec0000001.cfg", "/device/nowhere.example/" + mac + ".cfg", "/device/" + ward + "/y000000000065.cfg",
		"/device/" + ward + "/AAAAAAAAAAAAAAAAAAAAAAAAAA/" + mac + ".cfg", "/device/" + ward + "/" + mac + "aaaaaaaaaaaaaaaaaaaaaaaaaa/" + mac + ".cfg",
		"/", "/device", "/device/", "/device//", "/device/" + ward + "/", "/v1/domains", "/device/" + ward + "/../../etc/passwd", "/device/" + ward + "/..%2f..%2fetc%2fpasswd",
		"/device/" + ward + "/%2e%2e/" + mac + ".cfg", "/device/" + ward + "/" + mac + ".cfg%00", "/device/" + ward + "\\" + mac + ".cfg", "/device/" + ward + "/./" + mac + ".cfg",
		"/device/" + ward + "/.../" + mac + ".cfg", "//device/" + ward + "/" + mac + ".cfg", "/device/" + ward + "/" + mac + ".cfg/", "/device/" + ward + "/a/b/c", "/device/" + ward + "/" + strings.Repeat("a", 500),
		"/device/" + ward + "/{{.Password}}", "/device/" + ward + "/<x>.cfg", "/device/" + ward + "/内線.cfg",
	} {
		if i%10 == 0 { // so that nobody is told to wait
			r = newRig(t)
		}
		w := r.ask(path)
		got := fmt.Sprint(w.Code, w.Header(), w.Body)
		if first == "" {
			first = got
		}
		if w.Code != 404 || got != first {
			t.Errorf("%s: %s\nothers: %s", path, got, first)
		}
	}
	r = newRig(t)
	for what, change := range map[string]func(*http.Request){"a POST": func(q *http.Request) { q.Method = "POST" }, "a PUT": func(q *http.Request) { q.Method = "PUT" },
		"HEAD": func(q *http.Request) { q.Method = "HEAD" }, "a query": func(q *http.Request) { q.URL.RawQuery = "a=b" }, "no TLS": func(q *http.Request) { q.TLS = nil }} {
		q := httptest.NewRequest("GET", "https://pbx.example.jp/device/"+ward+"/"+r.claim(mac)+"/"+mac+".cfg", nil)
		q.RemoteAddr, q.TLS = "192.0.2.9:1", &tls.ConnectionState{}
		change(q)
		w := httptest.NewRecorder()
		r.ServeHTTP(w, q)
		if w.Code != 404 {
			t.Errorf("%s: %d", what, w.Code)
		}
	}
}

// TestGuessesOfCodes: 100,000 guesses from many addresses give nothing; who guesses is told to wait, the operator is told, and a right code counts nevertheless.
func TestGuessesOfCodes(t *testing.T) {
	r := newRig(t)
	mac := macs[provisioning.VendorYealink]
	code := r.claim(mac)
	given := 0
	const tries = 100_000
	for i := range tries {
		path := "/device/" + ward + "/" + strings.ToUpper(fmt.Sprintf("%026d", i)) + "/" + mac + ".cfg"
		switch i % 4 {
		case 1:
			path = fmt.Sprintf("/device/%s/%012x.cfg", ward, 0x805ec0000000+i)
		case 2:
			path = fmt.Sprintf("/device/%s/%s%026d/%s.cfg", ward, mac, i, mac)
		case 3:
			path = fmt.Sprintf("/device/%s/%s/%s.cfg", ward, code[:25]+string(rune('a'+i%26)), mac)
		}
		q := httptest.NewRequest("GET", "https://pbx.example.jp"+path, nil)
		q.RemoteAddr, q.TLS = fmt.Sprintf("198.51.%d.%d:9", i%4, i%250), &tls.ConnectionState{}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, q)
		if w.Code == 200 || w.Code != 404 && w.Code != 429 {
			given++
		}
	}
	alarms := 0
	for _, a := range r.refused {
		if a {
			alarms++
		}
	}
	if given != 0 || len(r.refused) != tries || alarms < tries/2 {
		t.Errorf("%d got something, %d were told of, %d of them too often", given, len(r.refused), alarms)
	}
	if w := r.ask("/device/" + ward + "/" + code + "/" + mac + ".cfg"); w.Code != 200 {
		t.Errorf("the right code behind them: %d", w.Code)
	}
}
