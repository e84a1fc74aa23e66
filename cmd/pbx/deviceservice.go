package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/book"
	zerotouch "naisen/provisioning/device"
	"naisen/provisioning/directory"
	"naisen/provisioning/est"
	"naisen/provisioning/phonexml"
)

// DevicesConfig says where telephones of the inventory get their configuration. Without an address they get none here.
type DevicesConfig struct {
	Listen      string            `yaml:"listen"`      // "192.0.2.1:8443": HTTPS only
	URL         string            `yaml:"url"`         // how telephones reach it; from Listen when empty
	Certificate string            `yaml:"certificate"` // PEM file; that of sip when empty
	Key         string            `yaml:"key"`
	Roots       map[string]string `yaml:"roots"`         // PEM files of the authorities of device certificates, by maker; without one a maker's telephones need a claim code
	CA          string            `yaml:"ca"`            // PEM file that telephones are given: whose certificates they shall believe
	Server      string            `yaml:"server"`        // host name or address where telephones register by TLS; the domain when empty
	NTP         string            `yaml:"ntp"`           // where they get the time; as DHCP says when empty
	Minutes     int               `yaml:"every_minutes"` // how often they look for another configuration; 1440
}

func (d DevicesConfig) validate() error {
	if d.Listen == "" {
		return nil
	}
	if _, err := netip.ParseAddrPort(d.Listen); err != nil {
		return invalid("devices.listen", "is no address:port")
	}
	if u, err := url.Parse(d.URL); d.URL != "" && (err != nil || u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil) {
		return invalid("devices.url", "is no https URL without a path")
	}
	if d.Minutes < 0 || d.Minutes > 7*24*60 {
		return invalid("devices.every_minutes", "is from 1 to 10080")
	}
	for key, text := range map[string]string{"server": d.Server, "ntp": d.NTP} {
		if strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789.-:[]", r) }) {
			return invalid("devices."+key, "is no host name or address")
		}
	}
	for maker := range d.Roots {
		if !slices.Contains(provisioning.Vendors(), maker) {
			return invalid("devices.roots."+maker, "is one of %s", strings.Join(provisioning.Vendors(), ", "))
		}
	}
	return pair("devices", d.Certificate, d.Key)
}

// startDevices serves configurations to telephones, where it is configured.
func (p *pbx) startDevices(ctx context.Context) error {
	p.startRollouts(ctx)
	p.fleet = &fleet{directory: p.directory, registrar: p.registrar, stack: p.stack, log: p.log}
	c := p.config.Devices
	if c.Listen == "" {
		return nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	place := zerotouch.Place{URL: strings.TrimRight(c.URL, "/"), Server: c.Server, Port: p.tlsPort(), NTP: c.NTP, CA: c.CA != "", Minutes: c.Minutes}
	if place.URL == "" {
		place.URL = "https://" + l.Addr().String()
	}
	secure, err := p.deviceTLS()
	if err == nil {
		p.fleet.service, err = p.deviceService(place)
	}
	if err != nil {
		_ = l.Close()
		return err
	}
	p.devices = serveHTTP(tls.NewListener(l, secure), p.fleet.service, p.log)
	p.closing("devices", p.devices.Close)
	p.startResync(ctx)
	p.log.Info("pbx: configurations of telephones", "listen", l.Addr())
	return nil
}

// openIssuer opens the authority of certificates of telephones, before anybody registers. Its key lies sealed beside the other keys.
func (p *pbx) openIssuer(s *signalling) (err error) {
	if p.config.Devices.Listen != "" {
		s.issuer, err = est.Open(p.config.path("keys", "device-ca.pem"), p.config.Domain, p.keys, time.Now())
	}
	return err
}

// tlsPort is where telephones register by TLS; 5061 where nothing listens so.
func (p *pbx) tlsPort() int {
	for _, a := range p.stack.LocalAddrs() {
		if a.Transport == "tls" {
			return int(a.Addr.Port())
		}
	}
	return 5061
}

// deviceTLS asks for a certificate and lets the service judge it: who has none shows a code. Telephones speak HTTP/1.1.
func (p *pbx) deviceTLS() (*tls.Config, error) {
	certs := p.certificates
	if c := p.config.Devices; c.Certificate != "" {
		certs = &certificates{cert: c.Certificate, key: c.Key, log: p.log}
	}
	config, err := certs.config()
	if err != nil {
		return nil, err
	}
	config.ClientAuth, config.NextProtos = tls.RequestClientCert, []string{"http/1.1"}
	return config, nil
}

func (p *pbx) deviceService(place zerotouch.Place) (*zerotouch.Service, error) {
	c := p.config.Devices
	roots := map[string]*x509.CertPool{}
	for maker, path := range c.Roots {
		bundle, err := readPEM(path)
		if err != nil {
			return nil, err
		}
		if roots[maker] = x509.NewCertPool(); !roots[maker].AppendCertsFromPEM(bundle) {
			return nil, fmt.Errorf("devices.roots.%s: %s has no certificate", maker, path)
		}
	}
	var authority []byte
	if c.CA != "" {
		var err error
		if authority, err = readPEM(c.CA); err != nil {
			return nil, err
		}
		if !x509.NewCertPool().AppendCertsFromPEM(authority) { // a private key, say, is not given away
			return nil, fmt.Errorf("devices.ca: %s has no certificate", c.CA)
		}
		if strings.Contains(string(authority), "PRIVATE KEY") {
			return nil, fmt.Errorf("devices.ca: %s has a private key", c.CA)
		}
	}
	return zerotouch.New(zerotouch.Config{Now: func() zerotouch.Snapshot { return p.directory.Snapshot() }, Store: liveStore{p.store, p.directory, p.log}, Place: place, Roots: roots, Authority: authority, Firmware: p.rollouts.files.Open, Issuer: p.signalling.issuer, Domain: p.config.Domain,
		Book: p.deviceBook, Refused: p.refusedDevice, Log: p.log})
}

// refusedDevice notes who asked for a configuration and proved nothing. Which domain they meant is not believed: it is in the log of one.
func (p *pbx) refusedDevice(_ string, from netip.Addr, alarm bool) {
	p.auditor.stranger(provisioning.AuditEntry{Domain: p.config.Domain, Subject: from.String(), Action: "device.refused", Object: "configuration", Outcome: "denied", Source: from.String()})
	if alarm {
		p.alarms.happened("device-guesses", "", "", "last from "+from.String())
	}
}

// deviceBook is the shared directory as the telephone of an extension may see it: what the path proved stands in place of an account.
func (p *pbx) deviceBook(w http.ResponseWriter, r *http.Request, domain, extension, maker string) {
	r = r.Clone(r.Context())
	r.SetBasicAuth(extension, "the path")
	r.SetPathValue("domain", domain)
	r.SetPathValue("format", maker)
	phonexml.New(func() phonexml.Directory { return bookAt{p.directory.Snapshot()} }, nil, &p.guesses, p.log).ServeHTTP(w, r)
}

// bookAt is the directory of who is known to be an extension's telephone.
type bookAt struct{ *directory.Snapshot }

// BookLogin implements phonexml.Directory.
func (b bookAt) BookLogin(domain, extension string, _ []byte) (book.Viewer, bool) {
	return b.ReaderAt(domain, extension), true
}

// BookExtension implements phonexml.Directory.
func (b bookAt) BookExtension(_, extension string) (string, bool) { return extension, true }

// devicesAt is where telephones get their configuration; empty: nowhere. For tests.
func (p *pbx) devicesAt() string {
	if p.devices == nil {
		return ""
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.devices.addr.(*net.TCPAddr).Port))
}
