package demo

import (
	"context"
	"fmt"
	"io"
	"time"

	"naisen/provisioning/identity"
	"naisen/provisioning/secret"
)

// Restored is what a switch must show that was put back from a backup.
type Restored struct {
	Domain     string
	Reader     string        // user of it, who may read its configuration
	Password   secret.Secret // one-time, of the reader
	Extensions []string      // numbers that REST must show
}

// Step is one thing that a switch was asked to do.
type Step struct {
	Name    string  `json:"name"`
	OK      bool    `json:"ok"`
	Seconds float64 `json:"seconds"`
	Fault   string  `json:"fault,omitempty"`
}

// SuiteConfig of a Suite.
type SuiteConfig struct {
	Config
	// Restored says what to look for, once the switch runs.
	Restored func() Restored
}

// Suite has a switch do what it is for: a telephone registers, a call from a carrier is announced, answered, heard on both sides, recorded and stored, its record is read by
// REST, and so is the configuration of a domain that was restored. The first step that fails is the last.
func Suite(ctx context.Context, c SuiteConfig) (steps []Step) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	s := &story{teller: teller{out: c.Out}, cfg: c.Config, began: time.Now()}
	if c.Out == nil {
		s.out = io.Discard
	}
	defer s.close()
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"start", s.start}, {"register", s.phones}, {"recorded call", s.call}, {"call record by REST", s.records}, {"recording stored", s.stored},
		{"restored configuration by REST", func(ctx context.Context) error { return s.restored(ctx, c.Restored()) }},
	} {
		s.complaint = ""
		began, failed := time.Now(), s.failed
		err := step.do(ctx)
		if err != nil {
			s.complaint = err.Error()
		}
		done := Step{Name: step.name, OK: err == nil && s.failed == failed, Seconds: time.Since(began).Seconds(), Fault: s.complaint}
		if steps = append(steps, done); !done.OK {
			break
		}
	}
	return steps
}

// stored waits for the recording to be sealed, in the store and read back.
func (s *story) stored(ctx context.Context) error {
	var r recording
	err := until(ctx, 10*time.Second, func() (bool, error) {
		got, err := s.api.do(ctx, s.admin, "GET", "/recordings/"+s.callID, nil)
		if err != nil || got.status != 200 {
			return false, err
		}
		return r.State == "stored", s.api.get(ctx, s.admin, "/recordings/"+s.callID, &r)
	})
	if err != nil {
		return fmt.Errorf("the recording is not stored: %w", err)
	}
	s.check(r.DurationMS >= talkFor.Milliseconds()/2, "The recording is stored.")
	return nil
}

// restored reads what must be there again.
func (s *story) restored(ctx context.Context, r Restored) error {
	there := newAPI(s.sw.URL, r.Domain)
	defer there.close()
	token, err := there.signIn(ctx, r.Reader+"@"+r.Domain, r.Password)
	if err != nil {
		return fmt.Errorf("sign-in in the restored domain: %w", err)
	}
	for _, number := range r.Extensions {
		if err := there.has(ctx, token, "/extensions/"+number); err != nil {
			return err
		}
	}
	s.check(true, "REST shows the restored extensions.")
	return nil
}

// has wants an object to be there.
func (a api) has(ctx context.Context, token identity.Tokens, path string) error {
	var any map[string]any
	return a.get(ctx, token, path, &any)
}
