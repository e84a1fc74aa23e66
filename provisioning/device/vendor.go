package device

import (
	"crypto/x509"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"naisen/provisioning"
)

// part is what a telephone asks for.
type part int

const (
	nothing   part = iota
	accounts       // the file of one telephone, with its secrets
	common         // what tells where the other files are; it has no secret, and is given to whoever may have accounts
	authority      // whose certificates the telephone shall believe
	book           // the shared directory
)

// Names under which every maker's telephones find what we tell them of.
const (
	authorityFile = "ca.pem"
	directoryFile = "directory.xml"
)

// vendor is one make of telephones as data.
type vendor struct {
	// file is the name of the file of one telephone; * stands for its MAC. Letters count alike.
	file string
	// common is what the files beside it are called, before them; nil: there are none.
	common *regexp.Regexp
	// kind of both (RFC 9110 section 8.3).
	content      string
	text, shared *template.Template
	// mac is how the maker's device certificate names its telephone: by the common name of its subject, or a DNS name of it.
	mac *regexp.Regexp
	// resync is the event of a NOTIFY that lets the telephone fetch its configuration.
	resync string
	// agents are how a telephone calls its maker in User-Agent, in lower case.
	agents []string
	lines  int // accounts that the template knows; 0: provisioning.MaxDeviceLines
}

// bare is a certificate that names its telephone by the MAC alone.
const bare = `^([0-9A-Fa-f]{12})$`

// vendors by the names of provisioning.Vendors.
var vendors = map[string]vendor{
	// Yealink, "Auto Provisioning Guide": y0000000000xx.cfg of the model comes first, then MAC.cfg. "Using Security Certificates on Yealink IP Phones": each
	// telephone has a certificate of its own, based on its MAC. sip.notify_reboot_enable says what check-sync does.
	provisioning.VendorYealink: {file: "*.cfg", common: regexp.MustCompile(`^y[0-9]{12}\.cfg$`), content: "text/plain; charset=utf-8",
		text: parse("yealink.tmpl", line), shared: parse("yealink-common.tmpl", line), mac: regexp.MustCompile(bare), agents: []string{"yealink"}, resync: "check-sync"},
	// Poly, "UC Software Administrator Guide" ("Use the Master Configuration File") and community.poly.com "What files does my phone download": MAC.cfg, or
	// 000000000000.cfg where there is none, is the master configuration; it names the files with the settings. A master of one telephone only would be one
	// file more with its MAC: we give the general one.
	provisioning.VendorPoly: {file: "*-naisen.cfg", common: regexp.MustCompile(`^(0{12}|[0-9A-Fa-f]{12})\.cfg$`), content: "text/xml; charset=utf-8",
		text: parse("poly.tmpl", escape), shared: parse("poly-common.tmpl", escape), mac: regexp.MustCompile(bare), agents: []string{"poly"}, resync: "check-sync"},
	// Grandstream, "SIP Device Provisioning Guide": cfgMAC (a binary form that we do not write) and cfgMAC.xml, in lower case.
	provisioning.VendorGrandstream: {file: "cfg*.xml", content: "text/xml; charset=utf-8", text: parse("grandstream.tmpl", escape), mac: regexp.MustCompile(bare), agents: []string{"grandstream"}, resync: "check-sync", lines: 6},
	// Panasonic KX-HDV, "Administrator Guide" 2.4: plain text, CR LF, values in quotation marks that nothing escapes, lines of at most 537 bytes; standard
	// file Config{MAC}.cfg, master file ConfigCommon.cfg. CFG_RESYNC_FROM_SIP names the event.
	provisioning.VendorPanasonic: {file: "Config*.cfg", common: regexp.MustCompile(`^ConfigCommon\.cfg$`), content: "text/plain; charset=utf-8",
		text: parse("panasonic.tmpl", quoted), shared: parse("panasonic-common.tmpl", quoted), mac: regexp.MustCompile(bare), agents: []string{"panasonic"}, resync: "check-sync", lines: 6},
	// Cisco, "Provisioning Guide for Cisco IP Phone Multiplatform": Profile_Rule with $MA (the MAC in lower case), and $PSN.xml of the model before it knows one.
	// The device certificate is of CN=CP-8841-3PCC SEPmac or the like. NOTIFY with Event: resync.
	provisioning.VendorCisco: {file: "*.xml", common: regexp.MustCompile(`^[0-9A-Za-z]{2,16}(-[0-9A-Za-z]{1,8}){0,2}\.xml$`), content: "text/xml; charset=utf-8",
		text: parse("cisco.tmpl", escape), shared: parse("cisco-common.tmpl", escape), mac: regexp.MustCompile(`(?:^|[- ])(?:SEP)?([0-9A-Fa-f]{12})$`), agents: []string{"cisco"}, resync: "resync"},
}

// asked is what a telephone of that MAC asks for by a name.
func (v vendor) asked(name, mac string) part {
	before, after, _ := strings.Cut(v.file, "*")
	switch {
	case strings.EqualFold(name, before+mac+after):
		return accounts
	case name == authorityFile:
		return authority
	case name == directoryFile, name == "phonebook.xml": // Grandstream's telephones know the path and say the name
		return book
	case v.common != nil && v.common.MatchString(name) && (macIn(name) == "" || macIn(name) == mac):
		return common
	}
	return nothing
}

// macIn a file's name, for who shows no code; empty: there is none.
func macIn(name string) string {
	for i := 0; i+12 <= len(name); i++ {
		if mac := strings.ToLower(name[i : i+12]); provisioning.IsMAC(mac) && !strings.HasPrefix(mac, "00000000") { // y000000000065.cfg is of a model
			return mac
		}
	}
	return ""
}

// named is the MAC in a certificate of the maker; empty: it names none.
func (v vendor) named(c *x509.Certificate) string {
	for _, name := range append([]string{c.Subject.CommonName}, c.DNSNames...) {
		if m := v.mac.FindStringSubmatch(name); m != nil {
			return strings.ToLower(m[1])
		}
	}
	return ""
}

// Agent says that a telephone's User-Agent is one of a device of that maker and model; an empty one says nothing against it.
func Agent(d provisioning.ManagedDevice, agent string) bool {
	agent = strings.ToLower(agent)
	return agent == "" || slices.ContainsFunc(vendors[d.Vendor].agents, func(a string) bool { return strings.Contains(agent, a) }) &&
		strings.Contains(provisioning.SqueezeModel(agent), provisioning.SqueezeModel(d.Model))
}

// Resync is the event of a NOTIFY that lets a maker's telephones fetch their configuration; empty: nobody knows one.
func Resync(maker string) string { return vendors[maker].resync }
