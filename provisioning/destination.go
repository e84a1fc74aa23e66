package provisioning

import (
	"errors"
	"strings"
)

// Destination is where a call is sent instead. Exactly one field is set.
type Destination struct {
	Extension string `json:"extension,omitempty"`
	Group     string `json:"group,omitempty"`
	Voicemail string `json:"voicemail,omitempty" doc:"Mailbox in which the caller leaves a message"`
	Number    string `json:"number,omitempty" doc:"Outside number, as whoever answers for it would dial it: its rights and limits count"`
}

// Text names it in records: a number, or voicemail:2001; nil: nothing.
func (d *Destination) Text() string {
	switch {
	case d == nil:
		return ""
	case d.Voicemail != "":
		return "voicemail:" + d.Voicemail
	}
	return d.Dialled()
}

// Dialled is the number of a person, a group or somebody outside; empty: it is a mailbox.
func (d *Destination) Dialled() string { return d.Extension + d.Group + d.Number }

// refs of a destination that stands in a field; nil: none.
func (d *Destination) refs(field string) []Ref {
	switch {
	case d == nil:
		return nil
	case d.Extension != "":
		return []Ref{{field + ".extension", KindExtension, d.Extension}}
	case d.Group != "":
		return []Ref{{field + ".group", KindGroup, d.Group}}
	case d.Voicemail != "":
		return []Ref{{field + ".voicemail", KindMailbox, d.Voicemail}}
	}
	return nil
}

func (d *Destination) check(c *check, field string) {
	if d == nil {
		return
	}
	set := 0
	for _, s := range []string{d.Extension, d.Group, d.Voicemail, d.Number} {
		if s != "" {
			set++
		}
	}
	c.must(set == 1, field, "must name exactly one place")
	if d.Extension != "" {
		extensionNumber(c, field+".extension", d.Extension)
	}
	if d.Group != "" {
		extensionNumber(c, field+".group", d.Group)
	}
	if d.Voicemail != "" {
		extensionNumber(c, field+".voicemail", d.Voicemail)
	}
	if d.Number != "" {
		outsideNumber(c, field+".number", d.Number)
	}
}

// outsideNumber is what a phone would dial. Nobody's call is sent to the police without that person's wish.
func outsideNumber(c *check, field, s string) {
	c.must(len(s) >= 2 && len(s) <= 32 && only(s[1:], digits) && only(s, digits+"+"), field, "must be 2 to 32 digits, perhaps after +")
	n := strings.TrimPrefix(strings.TrimPrefix(s, "184"), "186")
	c.must(n != "110" && n != "118" && n != "119", field, "is an emergency number")
}

// checker is an entity that must agree with others of its domain beside those that it names. Check runs in the transaction that writes it,
// before it is written: r still has the one before. Errors: *Invalid.
type checker interface {
	Check(r Reader, domain string) error
}

// Check asks an entity whether it agrees with the rest of its domain, and whether its numbers are nobody else's; for stores.
func Check(r Reader, domain string, e Entity) error {
	if err := unclaimed(r, domain, e); err != nil {
		return err
	}
	if c, ok := e.(checker); ok {
		return c.Check(r, domain)
	}
	return nil
}

// Parts are the kinds whose entity of the same key (PartKey) belongs to one of this kind: it goes when that goes, and does not hold it.
func Parts(kind string) []string {
	switch kind {
	case KindExtension:
		return []string{KindSettings, KindMailbox, KindHotDesk, KindSoftphones} // who gets the number next hears nothing of the one before
	case KindGroup:
		return []string{KindMailbox}
	case KindUser:
		return []string{KindShortNumbers}
	case KindMenu:
		return []string{KindMenuVersions}
	case KindDevice:
		return []string{KindDeviceStatus}
	case KindFirmware:
		return []string{KindFirmwareStatus}
	}
	return nil
}

// optional reads an entity that may be missing: its zero value then.
func optional[T Entity](r Reader, domain, key string) (T, error) {
	e, _, err := Get[T](r, domain, key)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return e, err
}
