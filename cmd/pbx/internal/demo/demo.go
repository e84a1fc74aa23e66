// Package demo tells the story of one recorded call with phones of its own: it calls the switch from outside, listens, asks the API, and
// looks at what lies on disk. It owns the phones and the story. It never reaches into the switch, and judges by what a carrier, a desk
// phone, a user and an auditor could see.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"naisen/prompts"
	"naisen/provisioning/audit"
	"naisen/provisioning/secret"
	"naisen/sip/stack"
)

// Patience bounds the whole story; each wait in it has a shorter deadline of its own.
const Patience = 55 * time.Second

// The phones' own addresses on loopback: the carrier is known to the switch by its address, and the ladder tells hosts apart by it.
const (
	carrierHost = "127.0.0.2"
	deskHost    = "127.0.0.3"
)

// Switch is a running switch as its users see it.
type Switch struct {
	Dir         string // its data
	Domain, DID string
	Extension   string        // the desk phone's
	Password    secret.Secret // of the extension
	Admin       secret.Secret // one-time password of the user "admin"
	UDP, TLS    netip.AddrPort
	Certificate string // PEM file
	URL         string
	Notice      string // name of the announcement
	Prompts     prompts.Opener
	// Verify is `pbx audit verify` for the data in a directory.
	Verify func(ctx context.Context, dir string) (audit.Report, error)
	// Stop drains the switch and returns when nothing of it runs. It is called once.
	Stop func() error
}

// Config of a demonstration.
type Config struct {
	Out io.Writer
	Dir string // for the switch's data, and for copies of them that are altered
	// Start runs a switch whose data lie in dir.
	Start func(ctx context.Context, dir string, trace func(stack.Traced)) (*Switch, error)
}

// ErrFailed: something was not as it should be; the text on Out says what.
var ErrFailed = errors.New("demo: something is not as it should be")

// Run tells the whole story. It returns ErrFailed if any of it was not as it should be.
func Run(ctx context.Context, c Config) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	s := &story{teller: teller{out: c.Out}, cfg: c, began: time.Now()}
	defer s.close()
	for _, chapter := range []struct {
		title string
		tell  func(context.Context) error
	}{
		{"The switch", s.start},
		{"The phones", s.phones},
		{"The call", s.call},
		{"What the switch wrote down", s.records},
		{"The sealed recording", s.sealed},
		{"Who may listen", s.listen},
		{"The audit log", s.auditLog},
		{"What altered data look like", s.altered},
	} {
		s.chapter(chapter.title)
		if err := chapter.tell(ctx); err != nil {
			s.check(false, "%v", err)
			break // the rest builds on it
		}
	}
	return s.end()
}

// end says in one line what came of it.
func (s *story) end() error {
	took := time.Since(s.began).Round(100 * time.Millisecond)
	if s.failed > 0 {
		s.line("\nFAILED: %d of %d checks, after %s.", s.failed, s.checks, took)
		return ErrFailed
	}
	s.line("\nDone in %s: called, announced, answered, recorded, sealed, refused, played, proved. %d checks, all good.", took, s.checks)
	return nil
}

// teller writes the story and counts what was checked.
type teller struct {
	out            io.Writer
	chapters       int
	checks, failed int
	complaint      string // what the last check that failed said
}

func (t *teller) line(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }

func (t *teller) chapter(title string) {
	t.chapters++
	t.line("\n%d. %s", t.chapters, title)
}

func (t *teller) say(format string, args ...any) { t.line("   "+format, args...) }

// check says what should hold, and whether it does.
func (t *teller) check(ok bool, format string, args ...any) {
	t.checks++
	word := "  ok  "
	if !ok {
		word = "FAIL  "
		t.failed++
		t.complaint = fmt.Sprintf(format, args...)
	}
	t.line(word+format, args...)
}
