package enrol

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"naisen/provisioning"
	"naisen/provisioning/secret"
)

// How long a code of a softphone counts: it is read off a screen at once.
const (
	DefaultLife = 15 * time.Minute
	MaxLife     = 24 * time.Hour
)

// subject is what a code is for: the extension, as long as it is the same person's.
func subject(e provisioning.Extension) string { return e.Number + "/" + e.User }

// Claim makes a one-time code by which an app gets an account of an extension; a code of before ends. Errors: ErrNotFound; *provisioning.Invalid where there
// are too many.
func Claim(w provisioning.Writer, domain, extension string, until, now time.Time) (code string, err error) {
	e, _, err := provisioning.Get[provisioning.Extension](w, domain, extension)
	if err != nil {
		return "", err
	}
	if e.Disabled {
		return "", &provisioning.Invalid{Field: "extension", Reason: "is disabled"}
	}
	apps, _, err := provisioning.Get[provisioning.Softphones](w, domain, extension)
	if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
		return "", err
	}
	if len(apps.Apps) >= provisioning.MaxSoftphones {
		return "", &provisioning.Invalid{Field: "extension", Reason: "has as many apps as it may have: take one away"}
	}
	return provisioning.NewEnrolment(w, domain, provisioning.Enrolment{Of: provisioning.EnrolSoftphone, Name: subject(e), Until: until}, now)
}

// Withdraw ends the code of an extension, if there is one.
func Withdraw(w provisioning.Writer, domain string, e provisioning.Extension) error {
	return provisioning.EndEnrolments(w, domain, provisioning.EnrolSoftphone, subject(e))
}

// redeemed is what a code was good for.
type redeemed struct {
	extension provisioning.Extension
	app       provisioning.Softphone
	password  secret.Secret
}

// redeem uses a code up: whoever shows it gets an account that nobody had before. ErrNotFound: the code is none, was used, is over, or its extension is not
// what it was; nothing tells which.
func redeem(w provisioning.Writer, domain, code string, app provisioning.Softphone, now time.Time) (redeemed, error) {
	claim, err := provisioning.Enrol(w, domain, provisioning.EnrolSoftphone, code, now)
	if err != nil {
		return redeemed{}, err
	}
	number, user, _ := strings.Cut(claim.Name, "/")
	e, _, err := provisioning.Get[provisioning.Extension](w, domain, number)
	if err != nil {
		return redeemed{}, err
	}
	if e.Disabled || e.User != user {
		return redeemed{}, provisioning.ErrNotFound
	}
	app.ID, app.User, app.Enrolled = newID(), user, now.UTC().Truncate(time.Second)
	plain := secret.Generate()
	key := secret.SIPCredential(provisioning.SoftphoneLogin(number, app.ID), domain, plain)
	key.HA1MD5 = "" // no app needs MD5
	if err := provisioning.AddSoftphone(w, domain, number, app, key); err != nil {
		return redeemed{}, err
	}
	err = w.AddAudit(provisioning.AuditEntry{Domain: domain, Action: "softphone.claimed", Object: provisioning.KindExtension + "/" + number, Outcome: "ok",
		Client: app.Agent, Detail: map[string]any{"id": app.ID, "title": app.Title}})
	return redeemed{e, app, plain}, err
}

// newID is one that was never there: 80 random bits.
func newID() string { return secret.Generate().Reveal()[:16] }

// plainText is what an app says of itself, as far as it can be kept.
func plainText(s string) string {
	runes := slices.DeleteFunc([]rune(strings.ToValidUTF8(s, "")), func(r rune) bool { return !unicode.IsPrint(r) })
	return string(runes[:min(len(runes), 64)])
}
