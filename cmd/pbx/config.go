package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"naisen/provisioning/audit"
)

// Config is what needs a restart. Everything else is data behind the REST API. The zero value is the switch on its embedded defaults.
type Config struct {
	file       string // where it was read from; empty: it is the defaults
	renderWith string // program whose `render` does the renders; empty: this process, as in tests

	Node      string          `yaml:"node"`   // name of this switch among several on one PostgreSQL (store.url); empty: it is the only one
	Data      string          `yaml:"data"`   // directory of everything that lasts; "./var"
	Domain    string          `yaml:"domain"` // made on the first run, and served to phones that name an address of ours instead
	Language  string          `yaml:"language"`
	SIP       SIPConfig       `yaml:"sip"`
	Media     MediaConfig     `yaml:"media"`
	HTTP      HTTPConfig      `yaml:"http"`
	ACME      ACMEConfig      `yaml:"acme"`
	Identity  IdentityConfig  `yaml:"identity"`
	Store     StoreConfig     `yaml:"store"`
	Storage   StorageConfig   `yaml:"storage"`
	Audit     AuditConfig     `yaml:"audit"`
	Keys      KeysConfig      `yaml:"keys"`
	Vault     VaultConfig     `yaml:"vault"`
	Webhooks  WebhookConfig   `yaml:"webhooks"`
	LDAP      LDAPConfig      `yaml:"ldap"`
	Devices   DevicesConfig   `yaml:"devices"`
	Recording RecordingConfig `yaml:"recording"`
	Backup    BackupConfig    `yaml:"backup"`
	Signals   SignalsConfig   `yaml:"signals"`
	Push      PushConfig      `yaml:"push"`
	Trace     TraceConfig     `yaml:"trace"`
	OTel      OTelConfig      `yaml:"otel"`
	Calls     int             `yaml:"calls"` // at once; 2000
	Drain     Duration        `yaml:"drain"` // patience with running calls after SIGTERM; 30s
	Log       LogConfig       `yaml:"log"`
}

// SIPConfig says where phones and carriers reach the switch.
type SIPConfig struct {
	Listen      []string `yaml:"listen"`      // "udp:192.0.2.1:5060", "tls:[2001:db8::1]:5061", "wss:192.0.2.1:443"; "udp:auto:5060" is each address of this machine
	Advertise   string   `yaml:"advertise"`   // host name or address in Contact and Via when it differs
	Certificate string   `yaml:"certificate"` // PEM file; made for this machine when empty
	Key         string   `yaml:"key"`
	DNS         []string `yaml:"dns"`                    // name servers for carriers, "192.0.2.53" or "192.0.2.53:53"; those of the system when empty
	ClientCA    string   `yaml:"client_ca"`              // PEM file: whose certificates prove a phone to be the extension that they name; empty: nobody's
	Rate        float64  `yaml:"rate"`                   // new requests per second in all; 2000
	SourceRate  float64  `yaml:"rate_per_source"`        // 50
	Connections int      `yaml:"connections_per_source"` // TCP, TLS and WebSocket; 100. More where a reverse proxy stands before browsers
	Softphones  string   `yaml:"softphones"`             // "sip.example.jp:5061": where enrolled apps reach SIP over TLS; advertise and the port of a TLS listener when missing
	Origins     []string `yaml:"origins"`                // pages beside http.url that may open a WebSocket: "https://portal.example.jp"
}

// MediaConfig bounds the RTP ports.
type MediaConfig struct {
	Ports     string `yaml:"ports"`     // "20000-29999"
	Browsers  int    `yaml:"browsers"`  // UDP port of all browsers; one of ports when missing
	Advertise string `yaml:"advertise"` // address in SDP when it differs (1:1 NAT)

	Silence Duration `yaml:"silence"` // after so long without a party's media its call ends; 30s

	TURN TURNConfig `yaml:"turn"`
}

// HTTPConfig says where REST, sign-in and playback are.
type HTTPConfig struct {
	Listen      string `yaml:"listen"`      // "127.0.0.1:8080"; any other address than loopback needs a certificate
	URL         string `yaml:"url"`         // how users reach it; from Listen when empty
	Certificate string `yaml:"certificate"` // PEM file
	Key         string `yaml:"key"`
	Metrics     string `yaml:"metrics"` // "127.0.0.1:9090"; "off"

	Rate float64 `yaml:"rate_per_user"` // requests per second of one user with one client, of which twice as many may come at once; 50
}

// RecordingConfig bounds what the recorder holds in memory.
type RecordingConfig struct {
	Journals string `yaml:"journals"` // of several nodes: a folder that all have mounted, in which each has one of its name; "recorder" below data when missing

	Held int `yaml:"held"` // calls whose last two minutes may stand in encrypted memory at once, of 2.5 MiB each; 100
}

// AuditConfig says who besides the object store keeps checkpoints of the audit log, who gets the log itself, and when its entries are archived.
type AuditConfig struct {
	Witness   WitnessConfig   `yaml:"witness"`
	Export    []ExportConfig  `yaml:"export"`
	Retention RetentionConfig `yaml:"retention"`
}

// WitnessConfig names a witness as C2SP tlog-witness describes it.
type WitnessConfig struct {
	URL string `yaml:"url"` // submission prefix
	Key string `yaml:"key"` // "name+hash+base64", signature type 4
}

// WebhookConfig says what webhooks may reach beyond public addresses.
type WebhookConfig struct {
	Loopback bool `yaml:"loopback"` // receivers on this machine: for tests
}

// LogConfig chooses what is logged and how.
type LogConfig struct {
	Level  string `yaml:"level"`  // "info"
	Format string `yaml:"format"` // "text" or "json"
}

// Duration is written as in Go: "30s".
type Duration time.Duration

// UnmarshalYAML reads "30s".
func (d *Duration) UnmarshalYAML(b []byte) error {
	var s string
	if err := yaml.Unmarshal(b, &s); err != nil {
		return err
	}
	v, err := time.ParseDuration(s)
	*d = Duration(v)
	return err
}

// Secret is read from a file or the environment, never written in the configuration: "file:/run/secrets/s3" or "env:S3_SECRET".
type Secret struct{ value, ref string }

func (Secret) String() string   { return "[redacted]" }
func (Secret) GoString() string { return "[redacted]" }

var errPlainSecret = errors.New(`a secret is given as "file:PATH" or "env:NAME", never in the configuration itself`)

// UnmarshalYAML resolves the reference at once, so that a missing secret stops the start and not the first call.
func (s *Secret) UnmarshalYAML(b []byte) error {
	var ref string
	if err := yaml.Unmarshal(b, &ref); err != nil {
		return errPlainSecret
	}
	var err error
	s.value, err = resolveSecret(ref)
	s.ref = ref
	return err
}

// now reads it again: an agent may have renewed it in its file.
func (s Secret) now() (string, error) { return resolveSecret(s.ref) }

func resolveSecret(ref string) (value string, err error) {
	kind, name, _ := strings.Cut(ref, ":")
	switch kind {
	case "file":
		text, err := os.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("secret: %w", err)
		}
		value = strings.TrimRight(string(text), "\r\n")
	case "env":
		value = os.Getenv(name)
	default:
		return "", errPlainSecret
	}
	if value == "" {
		return "", fmt.Errorf("secret %s %s is empty", kind, name)
	}
	return value, nil
}

// loadConfig reads path strictly: an unknown key is an error that names its line. Without a path it is the embedded defaults.
func loadConfig(path string) (Config, error) {
	var c Config
	if path != "" {
		f, err := os.Open(path)
		if err != nil {
			return c, err
		}
		defer f.Close()
		if c, err = readConfig(f); err != nil {
			return c, fmt.Errorf("%s: %w", path, err)
		}
		c.file = path
	}
	c.setDefaults()
	return c, c.Validate()
}

func readConfig(r io.Reader) (Config, error) {
	var c Config
	err := yaml.NewDecoder(io.LimitReader(r, 1<<20), yaml.Strict()).Decode(&c)
	if errors.Is(err, io.EOF) { // an empty file is the defaults
		err = nil
	}
	return c, err
}

func (c *Config) setDefaults() {
	set(&c.Data, "./var")
	set(&c.Domain, "pbx.internal")
	set(&c.Language, "ja")
	if len(c.SIP.Listen) == 0 {
		c.SIP.Listen = []string{"udp:auto:5060", "tcp:auto:5060", "tls:auto:5061"}
	}
	set(&c.Media.Ports, "20000-29999")
	if c.Media.Silence == 0 {
		c.Media.Silence = Duration(30 * time.Second)
	}
	set(&c.HTTP.Listen, "127.0.0.1:8080")
	c.setACMEDefaults()
	scheme := "http"
	if c.HTTP.Certificate != "" {
		scheme = "https"
	}
	set(&c.HTTP.URL, scheme+"://"+c.HTTP.Listen)
	set(&c.HTTP.Metrics, "127.0.0.1:9090")
	c.Identity.setDefaults()
	set(&c.Storage.Kind, "dir")
	c.Signals.setDefaults(c.Domain)
	c.Backup.setDefaults()
	if c.Recording.Held == 0 {
		c.Recording.Held = 100
	}
	set(&c.Log.Level, "info")
	set(&c.Log.Format, "text")
	if c.Drain == 0 {
		c.Drain = Duration(30 * time.Second)
	}
}

func set(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// invalid names the key as it stands in the file.
func invalid(key, format string, args ...any) error {
	return fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...))
}

// Validate says everything that is wrong at once.
func (c *Config) Validate() error {
	var errs []error
	add := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	for i, l := range c.SIP.Listen {
		if _, err := parseListen(l); err != nil {
			add(invalid(fmt.Sprintf("sip.listen[%d]", i), "%v", err))
		}
	}
	for i, text := range c.SIP.DNS {
		if _, err := parseServer(text); err != nil {
			add(invalid(fmt.Sprintf("sip.dns[%d]", i), "is no IP address, nor address:port"))
		}
	}
	for i, text := range c.SIP.Origins {
		if _, ok := originOf(text); !ok {
			add(invalid(fmt.Sprintf("sip.origins[%d]", i), `is no origin, as "https://portal.example.jp"`))
		}
	}
	if c.SIP.Softphones != "" {
		host, port, err := net.SplitHostPort(c.SIP.Softphones)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" || strings.ContainsAny(host, " <>\";?@") {
			add(invalid("sip.softphones", `is no host and port, as "sip.example.jp:5061"`))
		}
	}
	if c.SIP.Connections < 0 {
		add(invalid("sip.connections_per_source", "is negative"))
	}
	add(pair("sip", c.SIP.Certificate, c.SIP.Key))
	add(pair("http", c.HTTP.Certificate, c.HTTP.Key))
	add(c.Media.validate())
	add(errors.Join(c.HTTP.validate(), c.validateACME()))
	add(errors.Join(c.LDAP.validate(), c.Devices.validate()))
	add(c.validateIdentity())
	add(c.Store.validate())
	add(c.validateNode())
	add(errors.Join(c.Storage.validate(), c.Keys.validate()))
	add(errors.Join(c.Audit.validate(), c.Backup.validate()))
	add(c.Signals.validate(c.embedded()))
	add(errors.Join(c.Push.validate(), c.Trace.validate(), c.OTel.validate()))
	if c.Language != "ja" && c.Language != "en" {
		add(invalid("language", `is "ja" or "en"`))
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		add(invalid("log.format", `is "text" or "json"`))
	}
	if c.Recording.Journals != "" && c.Node == "" {
		add(invalid("recording.journals", "is for several nodes: this one has no name (node)"))
	}
	if c.Recording.Held < 0 || c.Recording.Held > 2000 {
		add(invalid("recording.held", "is from 1 to 2000"))
	}
	if c.Calls < 0 {
		add(invalid("calls", "is negative"))
	}
	return errors.Join(errs...)
}

func (m MediaConfig) validate() error {
	var errs []error
	if _, _, err := parsePorts(m.Ports); err != nil {
		errs = append(errs, invalid("media.ports", "%v", err))
	}
	if m.Browsers < 0 || m.Browsers > 65535 {
		errs = append(errs, invalid("media.browsers", "is no port"))
	}
	if m.Advertise != "" {
		if _, err := netip.ParseAddr(m.Advertise); err != nil {
			errs = append(errs, invalid("media.advertise", "is no IP address"))
		}
	}
	if d := time.Duration(m.Silence); d < 20*time.Second || d > 10*time.Minute { // a telephone changes its network in less
		errs = append(errs, invalid("media.silence", "is from 20s to 10m"))
	}
	return errors.Join(append(errs, m.TURN.validate())...)
}

func pair(key, cert, private string) error {
	if (cert == "") != (private == "") {
		return invalid(key, "certificate and key come together")
	}
	return nil
}

func (h HTTPConfig) validate() error {
	addr, err := netip.ParseAddrPort(h.Listen)
	if err != nil {
		return invalid("http.listen", "is no address:port")
	}
	if !addr.Addr().IsLoopback() && h.Certificate == "" {
		return invalid("http.listen", "tokens and recordings need TLS beyond loopback: set http.certificate and http.key")
	}
	if u, err := url.Parse(h.URL); err != nil || u.Host == "" {
		return invalid("http.url", "is no URL")
	}
	if h.Metrics != "off" {
		if _, err := netip.ParseAddrPort(h.Metrics); err != nil {
			return invalid("http.metrics", `is no address:port, nor "off"`)
		}
	}
	if h.Rate < 0 {
		return invalid("http.rate_per_user", "is less than 0")
	}
	return nil
}

// validate wants a whole witness or none.
func (a *AuditConfig) validate() error {
	if err := errors.Join(a.validateExports(), a.Retention.validate()); err != nil {
		return err
	}
	if a.Witness == (WitnessConfig{}) {
		return nil
	}
	if _, err := audit.NewWitness(a.Witness.URL, a.Witness.Key, nil); err != nil {
		return invalid("audit.witness", "%v", err)
	}
	return nil
}

// listenAt is one parsed sip.listen entry; a zero address means "auto".
type listenAt struct {
	transport string
	addr      netip.Addr
	port      uint16
}

func parseListen(s string) (listenAt, error) {
	transport, rest, _ := strings.Cut(s, ":")
	if !slices.Contains([]string{"udp", "tcp", "tls", "wss"}, transport) {
		return listenAt{}, errors.New(`starts with "udp:", "tcp:", "tls:" or "wss:"`)
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		return listenAt{}, err
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return listenAt{}, errors.New("port is no number up to 65535")
	}
	l := listenAt{transport: transport, port: uint16(p)}
	if host == "auto" {
		return l, nil
	}
	l.addr, err = netip.ParseAddr(host)
	if err == nil && l.addr.IsUnspecified() {
		return l, errors.New(`a wildcard address cannot be written into Contact: name an address, or "auto" for all of them`)
	}
	return l, err
}

// parsePorts reads "20000-29999".
func parsePorts(s string) (low, high int, err error) {
	a, b, ok := strings.Cut(s, "-")
	low, err1 := strconv.Atoi(a)
	high, err2 := strconv.Atoi(b)
	if !ok || err1 != nil || err2 != nil || low < 1024 || high > 65535 || high-low < 3 {
		return 0, 0, errors.New(`is "LOW-HIGH" between 1024 and 65535, with room for a call`)
	}
	return low, high, nil
}

// path of something below the data directory.
func (c *Config) path(elem ...string) string {
	return filepath.Join(append([]string{c.Data}, elem...)...)
}
