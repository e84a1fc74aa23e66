package provisioning

import (
	"fmt"
	"strings"
	"time"
)

// SealedAccount is the name of a domain's break-glass account (緊急用アカウント): its credential lies in an envelope, and each use is reviewed.
const SealedAccount = "break-glass"

// EmergencySignIn is one use of the break-glass account. It stands from the moment that the credential was right, whatever came of it, until somebody
// else has looked at it.
type EmergencySignIn struct {
	ID     string    `json:"id"`
	User   string    `json:"user"`
	At     time.Time `json:"at"`
	Source string    `json:"source" doc:"The address that it came from"`
	Client string    `json:"client,omitempty" doc:"The program that was signed in to"`
	Who    string    `json:"who,omitempty" doc:"Who opened the envelope, in their own words; absent: they went no further than the credential"`
	Reason string    `json:"reason,omitempty" doc:"Why, in their own words"`
	Review *Review   `json:"review,omitempty"`
}

// Kind, Key: see Entity.
func (EmergencySignIn) Kind() string  { return KindEmergencySignIn }
func (e EmergencySignIn) Key() string { return e.ID }

// Refs: it outlives the account.
func (EmergencySignIn) Refs() []Ref { return nil }

func (e EmergencySignIn) normal() Entity { return e }

// Validate: see Entity.
func (e EmergencySignIn) Validate() error {
	var c check
	c.must(e.ID != "" && len(e.ID) <= 128, "id", "must be 1 to 128 bytes")
	c.name("user", e.User)
	c.must(!e.At.IsZero(), "at", "is missing")
	c.text("source", e.Source)
	c.text("client", e.Client)
	c.text("who", e.Who)
	c.longText("reason", e.Reason)
	c.must((strings.TrimSpace(e.Who) == "") == (strings.TrimSpace(e.Reason) == ""), "reason", "must come with who")
	if e.Review != nil {
		c.longText("review.text", e.Review.Text)
	}
	return c.result()
}

// EmergencyID is the key of a use that begins now: the newest stands first.
func EmergencyID(now time.Time, random string) string {
	return fmt.Sprintf("%011x.%s", listeningKeyEnd-now.UnixMilli(), random)
}

// Unreviewed says that nobody else has looked at it yet.
func (e EmergencySignIn) Unreviewed() bool { return e.Review == nil }

// Close is what it becomes where somebody has reviewed it. ErrNotFound: that was done. *Denied: it is the account itself.
func (e EmergencySignIn) Close(domain, by, text string, now time.Time) (EmergencySignIn, error) {
	switch {
	case by == e.User+"@"+domain:
		return e, &Denied{Rule: RuleTwoPeople}
	case !e.Unreviewed():
		return e, ErrNotFound
	}
	e.Review = &Review{By: by, At: now.UTC(), Text: text}
	return e, nil
}
