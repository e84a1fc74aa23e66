package provisioning

import (
	"slices"
	"strconv"
	"time"
)

// Makers of telephones whose configuration the switch writes.
const (
	VendorYealink     = "yealink"
	VendorPoly        = "poly"
	VendorGrandstream = "grandstream"
	VendorPanasonic   = "panasonic"
	VendorCisco       = "cisco" // multiplatform (MPP) firmware
)

// Vendors are all of them.
func Vendors() []string {
	return []string{VendorYealink, VendorPoly, VendorGrandstream, VendorPanasonic, VendorCisco}
}

// Bounds of a device.
const (
	MaxDeviceLines = 16
	MaxDeviceKeys  = 64
)

// ManagedDevice is a telephone of the inventory (端末台帳): what it is, whose, where, and what its keys do. The switch gives it its configuration and a SIP
// secret of its own. What it does now stands in DeviceStatus; what could be misused, as its serial number, in DeviceParticulars.
type ManagedDevice struct {
	MAC      string       `json:"mac" doc:"12 lower-case hexadecimal digits"`
	Vendor   string       `json:"vendor" doc:"yealink, poly, grandstream, panasonic or cisco (MPP)"`
	Model    string       `json:"model,omitempty"`
	Title    string       `json:"title,omitempty"`
	Site     string       `json:"site,omitempty" doc:"Where it stands"`
	User     string       `json:"user,omitempty" doc:"Who answers for it"`
	Lines    []DeviceLine `json:"lines" doc:"Extensions that it registers as, the first key's first"`
	Keys     []DeviceKey  `json:"keys" doc:"Further keys, behind those of the lines"`
	Language string       `json:"language,omitempty" doc:"ja or en; empty: the domain's"`
	Pool     bool         `json:"pool,omitempty" doc:"While it is in service and has no user and no lines, the rules of the lifecycle may give it to somebody"`
	LeaseEnd string       `json:"lease_end,omitempty" doc:"Last day of its lease, as 2027-03-31: its certificates end with it"`
	// Certificate that it must show to register, besides its password.
	Certificate string `json:"certificate,omitempty" doc:"required: it registers and calls only by TLS with a certificate that the switch issued to it (EST); empty: one that it shows must be its own"`
}

// DeviceLine is an extension that a device registers as.
type DeviceLine struct {
	Extension string `json:"extension"`
	Label     string `json:"label,omitempty" doc:"Beside the key; empty: the extension's display"`
}

// DeviceKey is a key of a device that is no line.
type DeviceKey struct {
	Kind  string `json:"kind" doc:"blf: a lamp, and calls; speed: calls"`
	Value string `json:"value" doc:"What it calls: digits, * and #"`
	Label string `json:"label,omitempty"`
}

// Kinds of keys.
const (
	KeyBLF   = "blf"
	KeySpeed = "speed"
)

// Kind, Key: see Entity.
func (ManagedDevice) Kind() string  { return KindDevice }
func (d ManagedDevice) Key() string { return d.MAC }

// Refs of a device: whose it is, where it stands, and its extensions: who gets a number next must not find somebody else's telephone registered as it.
func (d ManagedDevice) Refs() []Ref {
	var out []Ref
	if d.Site != "" {
		out = append(out, Ref{"site", KindSite, d.Site})
	}
	if d.User != "" {
		out = append(out, Ref{"user", KindUser, d.User})
	}
	for i, l := range d.Lines {
		out = append(out, Ref{"lines[" + strconv.Itoa(i) + "].extension", KindExtension, l.Extension})
	}
	return out
}

func (d ManagedDevice) normal() Entity {
	d.Lines, d.Keys = list(d.Lines), list(d.Keys)
	return d
}

// IsMAC says that s is an address in the form of the inventory.
func IsMAC(s string) bool {
	return len(s) == 12 && only(s, "0123456789abcdef") && s != "000000000000" && s != "ffffffffffff"
}

// Validate: see Entity. Texts end in files that telephones read; each template escapes them besides.
func (d ManagedDevice) Validate() error {
	var c check
	c.must(IsMAC(d.MAC), "mac", "must be 12 lower-case hexadecimal digits of one device")
	c.oneOf("vendor", d.Vendor, Vendors()...)
	modelName(&c, "model", d.Model)
	c.text("title", d.Title)
	if d.Site != "" {
		c.name("site", d.Site)
	}
	if d.User != "" {
		c.name("user", d.User)
	}
	c.oneOf("language", d.Language, "", "ja", "en")
	c.oneOf("certificate", d.Certificate, "", CertificateRequired)
	_, err := time.Parse(time.DateOnly, d.LeaseEnd)
	c.must(d.LeaseEnd == "" || err == nil, "lease_end", "must be a date such as 2027-03-31")
	c.list("lines", len(d.Lines), 0, MaxDeviceLines)
	c.list("keys", len(d.Keys), 0, MaxDeviceKeys)
	if c.err != nil {
		return c.result()
	}
	for i, l := range d.Lines {
		at := "lines[" + strconv.Itoa(i) + "]"
		extensionNumber(&c, at+".extension", l.Extension)
		c.text(at+".label", l.Label)
		c.must(!slices.ContainsFunc(d.Lines[:i], func(o DeviceLine) bool { return o.Extension == l.Extension }), at+".extension", "is there twice")
	}
	for i, k := range d.Keys {
		at := "keys[" + strconv.Itoa(i) + "]"
		c.oneOf(at+".kind", k.Kind, KeyBLF, KeySpeed)
		c.must(k.Value != "" && len(k.Value) <= 32 && only(k.Value, digits+"*#"), at+".value", "must be 1 to 32 digits, * and #")
		c.text(at+".label", k.Label)
	}
	return c.result()
}

// modelName checks what may stand in files that telephones read; empty: no model is said.
func modelName(c *check, at, s string) {
	c.must(s == "" || len(s) <= maxName && only(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ._+/-"), at, "must be at most 64 of A-Z a-z 0-9 . _ + / - and blanks")
}

// Has says that the device registers as an extension.
func (d ManagedDevice) Has(extension string) bool {
	return slices.ContainsFunc(d.Lines, func(l DeviceLine) bool { return l.Extension == extension })
}

// What became of a device.
const (
	DeviceLocked      = "locked"      // lost, say: nothing of it is accepted, and it gets nothing
	DeviceQuarantined = "quarantined" // it cannot register or call; it is given a configuration without accounts, so that it can be looked at
	DeviceWiped       = "wiped"       // its secrets are destroyed, and its configuration has no accounts; it comes back with a new claim code
)

// DeviceStates are all of them; empty: in service.
func DeviceStates() []string { return []string{"", DeviceLocked, DeviceQuarantined, DeviceWiped} }

// DeviceStatus is what the switch knows of a device: written by it alone, and gone with the device.
type DeviceStatus struct {
	MAC   string    `json:"mac"`
	State string    `json:"state,omitempty" enum:",locked,quarantined,wiped" doc:"Empty: in service"`
	Since time.Time `json:"since,omitzero" doc:"When it came into that state"`
	Why   string    `json:"why,omitempty"`

	Fetched time.Time `json:"fetched,omitzero" doc:"When it was last given its configuration"`
	Told    string    `json:"told,omitempty" doc:"Fingerprint of what it was given then"`
	Agent   string    `json:"agent,omitempty" doc:"What it called itself then"`
	From    string    `json:"from,omitempty" doc:"Where it asked from"`
	By      string    `json:"by,omitempty" enum:",certificate,own,claim,access" doc:"What it proved itself with: its maker's certificate, one that the switch issued to it, a claim code, or the path that it was given before"`

	Certificates []DeviceCertificate `json:"certificates,omitempty" doc:"Those that the switch issued to it and that count"`
}

// DeviceReport holds what a device is against what it was told.
type DeviceReport struct {
	DeviceStatus
	Now           string               `json:"now,omitempty" doc:"Fingerprint of what it would be given now"`
	Registrations []DeviceRegistration `json:"registrations" nullable:"false"`
	Drift         []string             `json:"drift" nullable:"false" doc:"What differs: never-fetched, configuration, not-registered EXTENSION, old-password EXTENSION, agent, firmware VERSION, no-certificate"`
}

// DeviceRegistration is one line of a device that can be reached now.
type DeviceRegistration struct {
	Extension string    `json:"extension"`
	Agent     string    `json:"agent,omitempty"`
	Address   string    `json:"address"`
	Since     time.Time `json:"since"`
}

// Fleet is the telephones of the inventory as they are now.
type Fleet interface {
	// URL is what a telephone is given as the server of its configuration, with a claim code; empty: the switch serves none.
	URL(domain, code string) string
	// Report of a device; ErrNotFound.
	Report(domain, mac string) (DeviceReport, error)
	// Resync asks a device to fetch its configuration, and tells how many of its registrations were asked.
	Resync(domain, mac string) (asked int, err error)
}

// Kind, Key: see Entity.
func (DeviceStatus) Kind() string  { return KindDeviceStatus }
func (s DeviceStatus) Key() string { return s.MAC }

// Refs: the device, of which it is a part.
func (s DeviceStatus) Refs() []Ref { return []Ref{{"mac", KindDevice, s.MAC}} }

// InService says that the device may register and call.
func (s DeviceStatus) InService() bool { return s.State == "" }

// Validate: see Entity.
func (s DeviceStatus) Validate() error {
	var c check
	c.must(IsMAC(s.MAC), "mac", "must be 12 lower-case hexadecimal digits of one device")
	c.oneOf("state", s.State, DeviceStates()...)
	c.text("why", s.Why)
	c.text("told", s.Told)
	c.text("agent", s.Agent)
	c.text("from", s.From)
	c.oneOf("by", s.By, "", "certificate", "own", "claim", "access")
	c.list("certificates", len(s.Certificates), 0, deviceCertificates)
	return c.result()
}
