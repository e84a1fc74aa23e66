package provisioning

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Softphone is an app, on a smartphone say, that was enrolled by a one-time code and registers as an extension by an account of its own: it can be
// taken away without touching the extension's other telephones.
type Softphone struct {
	ID       string    `json:"id" doc:"Names it for good, and is a part of its SIP user name"`
	User     string    `json:"user,omitempty" doc:"Whose extension it was then: the account counts as long as it is"`
	Title    string    `json:"title,omitempty" doc:"As its owner calls it"`
	Agent    string    `json:"agent,omitempty" doc:"As it called itself when it was enrolled"`
	Enrolled time.Time `json:"enrolled"`
}

// Softphones are those of an extension. They go with it.
type Softphones struct {
	Extension string      `json:"extension"`
	Apps      []Softphone `json:"apps"`
}

// SecretSoftphones is the kind of secrets of Softphones; key: the extension; SoftphoneKeys.Encode.
const SecretSoftphones = KindSoftphones

const (
	// MaxSoftphones of one extension.
	MaxSoftphones = 8
	softphoneID   = 16 // characters of an ID: it must not be one that was there before
)

// Kind, Key: see Entity.
func (Softphones) Kind() string  { return KindSoftphones }
func (s Softphones) Key() string { return s.Extension }

// Refs of softphones: their extension.
func (s Softphones) Refs() []Ref { return []Ref{{"extension", KindExtension, s.Extension}} }

func (s Softphones) normal() Entity { s.Apps = list(s.Apps); return s }

// Validate: see Entity.
func (s Softphones) Validate() error {
	var c check
	extensionNumber(&c, "extension", s.Extension)
	c.list("apps", len(s.Apps), 0, MaxSoftphones)
	if c.err != nil {
		return c.result()
	}
	for i, a := range s.Apps {
		at := "apps[" + strconv.Itoa(i) + "]"
		c.must(isSoftphoneID(a.ID), at+".id", "must be 16 lower-case letters and digits")
		c.text(at+".title", a.Title)
		c.text(at+".agent", a.Agent)
		c.must(!slices.ContainsFunc(s.Apps[:i], func(o Softphone) bool { return o.ID == a.ID }), at+".id", "is there twice")
	}
	return c.result()
}

// Of finds one.
func (s Softphones) Of(id string) (Softphone, bool) {
	i := slices.IndexFunc(s.Apps, func(a Softphone) bool { return a.ID == id })
	if i < 0 {
		return Softphone{}, false
	}
	return s.Apps[i], true
}

func isSoftphoneID(s string) bool {
	return len(s) == softphoneID && only(s, "abcdefghijklmnopqrstuvwxyz234567")
}

// SoftphoneKeys verify the accounts of an extension's softphones, by ID. They are sealed, and each prints as "[redacted]".
type SoftphoneKeys map[string]SIPCredential

// Encode is the form that is sealed.
func (k SoftphoneKeys) Encode() []byte {
	j := make(map[string]sipCredentialJSON, len(k))
	for id, c := range k {
		j[id] = sipCredentialJSON{c.HA1MD5, c.HA1SHA256}
	}
	b, err := json.Marshal(j)
	if err != nil { // strings: cannot fail
		return nil
	}
	return b
}

// DecodeSoftphoneKeys reads what Encode wrote.
func DecodeSoftphoneKeys(b []byte) (SoftphoneKeys, error) {
	var j map[string]sipCredentialJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return nil, errors.New("provisioning: keys of softphones are not readable") // the cause could quote them
	}
	k := make(SoftphoneKeys, len(j))
	for id, c := range j {
		k[id] = SIPCredential{HA1MD5: c.MD5, HA1SHA256: c.SHA256}
	}
	return k, nil
}

// softphonesOf reads those of an extension, and their keys; none where there are none.
func softphonesOf(r Reader, domain, extension string) (Softphones, SoftphoneKeys, error) {
	s, err := optional[Softphones](r, domain, extension)
	if err != nil {
		return s, nil, err
	}
	s.Extension = extension
	sealed, err := Secret(r, domain, SecretSoftphones, extension)
	if errors.Is(err, ErrNotFound) {
		return s, SoftphoneKeys{}, nil
	}
	if err != nil {
		return s, nil, err
	}
	k, err := DecodeSoftphoneKeys(sealed)
	return s, k, err
}

// AddSoftphone gives an extension one more. *Invalid: it has too many.
func AddSoftphone(w Writer, domain, extension string, a Softphone, key SIPCredential) error {
	s, keys, err := softphonesOf(w, domain, extension)
	if err != nil {
		return err
	}
	s.Apps, keys[a.ID] = append(s.Apps, a), key
	return putSoftphones(w, domain, s, keys)
}

// EndSoftphone takes one away; its registrations end. ErrNotFound.
func EndSoftphone(w Writer, domain, extension, id string) error {
	s, keys, err := softphonesOf(w, domain, extension)
	if err != nil {
		return err
	}
	if _, ok := s.Of(id); !ok {
		return ErrNotFound
	}
	s.Apps = slices.DeleteFunc(s.Apps, func(a Softphone) bool { return a.ID == id })
	delete(keys, id)
	return putSoftphones(w, domain, s, keys)
}

func putSoftphones(w Writer, domain string, s Softphones, keys SoftphoneKeys) error {
	if len(s.Apps) == 0 {
		return Delete[Softphones](w, domain, s.Extension, "") // with its secret
	}
	if _, err := Put(w, domain, s, ""); err != nil {
		return err
	}
	return w.PutSecret(domain, SecretSoftphones, s.Extension, keys.Encode())
}

// SoftphoneLogin is the name that a softphone authenticates as (RFC 7616 section 3.4): what it is reached as is its extension.
func SoftphoneLogin(extension, id string) string { return extension + "." + id }

// ReadSoftphoneLogin takes it apart; false: it is none.
func ReadSoftphoneLogin(name string) (extension, id string, ok bool) {
	extension, id, _ = strings.Cut(name, ".")
	return extension, id, extension != "" && only(extension, digits) && isSoftphoneID(id)
}
