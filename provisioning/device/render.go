package device

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"unicode"
	"unicode/utf8"

	"naisen/provisioning"
)

// maxValue bounds a value in a file, in bytes: Panasonic's telephones leave out lines of more than 537.
const maxValue = 450

// ErrValue says that a value cannot stand in a maker's file. It does not repeat it.
var ErrValue = errors.New("device: a value cannot stand in a configuration")

// Settings are what a telephone is told.
type Settings struct {
	MAC      string
	URL      string // where it fetches its configuration, with a slash at its end; empty: nowhere any more
	CA       string // where it fetches whose certificates it shall believe; empty: those that it knows
	Book     string // of the shared directory; empty: none
	Server   string // where it registers: host name or address
	Port     int    // of SIP over TLS
	Domain   string
	NTP      string // empty: as DHCP says
	Firmware Rom    // that it shall have; without a file: nothing is said
	Japanese bool
	Minutes  int // how often it looks for another configuration
	Accounts []Account
	Keys     []Key
}

// Rom is a firmware as a telephone is told of it.
type Rom struct {
	File, Version string
	URL           string // of the file
}

// Account is one line of a telephone.
type Account struct {
	Index    int
	Number   string
	Login    string // as which it authenticates
	Password string
	Display  string
	Label    string
	SRTP     bool
}

// Key is one that is no line. Index counts behind those of the lines.
type Key struct {
	Index, Position int // Position: among those that are no lines, from 1
	BLF             bool
	Value, Label    string
}

//go:embed templates
var templates embed.FS

// parse makes a template in which every value goes through v, which escapes it as the maker's files want, or fails.
func parse(name string, v func(any) (string, error)) *template.Template {
	return template.Must(template.New(name).Funcs(template.FuncMap{"v": v, "word": word, "account": grandstreamAccount, "key": grandstreamKey}).ParseFS(templates, "templates/"+name))
}

// plain is a value as text. Control characters, line separators and what is no text are never part of one: Validate refused them, and a template does again.
func plain(value any) (string, error) {
	s := fmt.Sprint(value)
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError
	}) {
		return "", ErrValue
	}
	for len(s) > maxValue {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s, nil
}

// line is a value behind "name = " to the end of the line, as Yealink has it. %NULL% and %EMPTY% are words there, and no blanks stand at its ends.
func line(value any) (string, error) {
	s, err := plain(value)
	return strings.TrimSpace(strings.ReplaceAll(s, "%", "％")), err
}

// quoted is a value between quotation marks that nothing escapes, as Panasonic has it: one in it becomes an apostrophe.
func quoted(value any) (string, error) {
	s, err := plain(value)
	return strings.ReplaceAll(s, `"`, "'"), err
}

// escape is a value in XML, in an element or between quotation marks.
func escape(value any) (string, error) {
	s, err := plain(value)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil { // a strings.Builder does not fail
		return "", err
	}
	return b.String(), nil
}

// word is a value inside one of the small languages that Cisco has in a value: what would begin something else there becomes a blank.
func word(value string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if strings.ContainsRune(`;=$"'\|[]()&`, r) {
			return ' '
		}
		return r
	}, value))
}

// grandstreamAccount is the number of a setting of an account as Grandstream's templates of the GXP21xx have it: those of the first one have numbers of their own,
// of others they differ by the hundred.
func grandstreamAccount(index int, setting string) (int, error) {
	first := map[string]int{"active": 271, "name": 270, "server": 47, "proxy": 48, "user": 35, "login": 36, "password": 34, "display": 3, "register": 31, "minutes": 32, "transport": 130, "srtp": 183}
	others := map[string]int{"active": 1, "name": 17, "server": 2, "proxy": 3, "user": 4, "login": 5, "password": 6, "display": 7, "register": 10, "minutes": 12, "transport": 48, "srtp": 43}
	hundred := []int{400, 500, 600, 1700, 1800}
	offset, ok := others[setting]
	switch {
	case !ok || index < 1 || index > len(hundred)+1:
		return 0, ErrValue
	case index == 1:
		return first[setting], nil
	}
	return hundred[index-2] + offset, nil
}

// grandstreamKey is likewise of a key that is no line (MPK): the telephone itself has seven.
func grandstreamKey(position int, setting string) (int, error) {
	offset, ok := map[string]int{"account": 1, "name": 2, "value": 3}[setting]
	switch {
	case position < 1 || position > grandstreamKeys || !ok && setting != "mode":
		return 0, ErrValue
	case setting == "mode":
		return 322 + position, nil
	}
	return 300 + 3*(position-1) + offset, nil
}

const grandstreamKeys = 7

// Seconds is Minutes, for whoever counts so.
func (s Settings) Seconds() int { return s.Minutes * 60 }

// Path is URL without its scheme, for whoever says that apart.
func (s Settings) Path() string { return strings.TrimPrefix(s.URL, "https://") }

// FewKeys are those for which Grandstream's telephones have room.
func (s Settings) FewKeys() []Key { return s.Keys[:min(len(s.Keys), grandstreamKeys)] }

// Render writes the file of one telephone. ErrValue.
func Render(maker string, s Settings) ([]byte, error) {
	return vendors[maker].render(vendors[maker].text, s)
}

func (v vendor) render(t *template.Template, s Settings) ([]byte, error) {
	if t == nil {
		return nil, ErrValue
	}
	if v.lines > 0 && len(s.Accounts) > v.lines {
		s.Accounts = s.Accounts[:v.lines]
	}
	var b bytes.Buffer
	if err := t.Execute(&b, s); err != nil {
		if errors.Is(err, ErrValue) {
			return nil, ErrValue // the template's own words could repeat the value
		}
		return nil, fmt.Errorf("device: write a configuration: %w", err)
	}
	return b.Bytes(), nil
}

// Fingerprint of a configuration: 96 bits, which tell nothing of the passwords of 128 bits in it.
func Fingerprint(file []byte) string {
	sum := sha256.Sum256(file)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// Known is what settings are made of.
type Known interface {
	Domain(name string) (provisioning.Domain, bool)
	Extension(domain, number string) (provisioning.Extension, bool)
	// FirmwareFor is what a device is told to have.
	FirmwareFor(domain string, d provisioning.ManagedDevice) (provisioning.Firmware, bool)
}

// Place is what all telephones of a switch are told.
type Place struct {
	URL     string // of the service, without a slash at its end
	Server  string // empty: the domain
	Port    int
	NTP     string
	CA      bool // the telephones are given an authority
	Minutes int
}

// SettingsOf a device. Out of service it has no accounts and no keys; without keys of its own it has nowhere to go either.
func SettingsOf(p Place, known Known, domain string, d provisioning.ManagedDevice, k provisioning.DeviceKeys, inService bool) Settings {
	self, _ := known.Domain(domain)
	s := Settings{MAC: d.MAC, Server: p.Server, Port: p.Port, Domain: domain, NTP: p.NTP, Minutes: p.Minutes,
		Japanese: d.Language == "ja" || d.Language == "" && self.Language != "en"}
	if s.Server == "" {
		s.Server = domain
	}
	if k.Access != "" {
		s.URL = p.URL + Path(domain, k.Access)
		if p.CA {
			s.CA = s.URL + authorityFile
		}
	}
	if !inService || k.Access == "" {
		return s
	}
	s.Book = s.URL + directoryFile
	if f, ok := known.FirmwareFor(domain, d); ok {
		s.Firmware = Rom{File: f.File, Version: f.Version, URL: s.URL + f.File}
	}
	pass := k.Configured()
	for _, l := range d.Lines {
		e, ok := known.Extension(domain, l.Extension)
		if !ok {
			continue
		}
		s.Accounts = append(s.Accounts, Account{Index: len(s.Accounts) + 1, Number: e.Number, Login: provisioning.DeviceLogin(e.Number, d.MAC, pass.Generation), Password: pass.Secret,
			Display: firstOf(e.Display, e.Number), Label: firstOf(l.Label, e.Display, e.Number), SRTP: e.Media != "srtp-forbidden"})
	}
	for i, key := range d.Keys {
		s.Keys = append(s.Keys, Key{Index: len(s.Accounts) + i + 1, Position: i + 1, BLF: key.Kind == provisioning.KeyBLF, Value: key.Value, Label: firstOf(key.Label, key.Value)})
	}
	return s
}

func firstOf(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}
