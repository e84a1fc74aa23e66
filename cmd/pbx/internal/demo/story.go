package demo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"naisen/media"
	"naisen/media/play"
	"naisen/media/relay"
	"naisen/media/tone"
	"naisen/provisioning/identity"
)

// What the phones say all the time, Hz: whole cycles in a frame, in no ratio that the codec's distortion could mix up, and neither is in
// a ringing tone.
const (
	callerTone = 700
	deskTone   = 1100
)

// Durations of the call, and what may go wrong in it.
const (
	ringFor = time.Second
	talkFor = 4 * time.Second
	gapMax  = 100 * time.Millisecond // in what a side hears of the other
	lateMax = 500 * time.Millisecond // of talk in which the other is not heard yet
	clipped = 5                      // frames of the notice that a phone may miss while it still reads the 183 on a busy machine
)

// callerID is who the carrier says is calling.
const callerID = "+819012345678"

// story is what the chapters share.
type story struct {
	teller
	cfg   Config
	began time.Time

	sw      *Switch
	wire    wire
	engine  *relay.Engine
	carrier *phone
	desk    *phone
	api     api

	admin  identity.Tokens
	callID string // of the call and its recording
	talk   time.Duration
	object string // file of the sealed audio

	recorded string // its plain content's hash, by the manifest
	played   []byte // the recording as the API served it
	stopped  bool
}

func (s *story) close() {
	for _, p := range []*phone{s.carrier, s.desk} {
		if p != nil {
			p.close()
		}
	}
	if s.engine != nil {
		_ = s.engine.Close()
	}
	s.api.close()
	if s.sw != nil && !s.stopped {
		_ = s.sw.Stop()
	}
}

func (s *story) start(ctx context.Context) (err error) {
	dir := filepath.Join(s.cfg.Dir, "var")
	s.say("Starting it on loopback, with its data in %s ...", dir)
	if s.sw, err = s.cfg.Start(ctx, dir, s.wire.trace); err != nil {
		return err
	}
	s.api = newAPI(s.sw.URL, s.sw.Domain)
	if err := s.api.ready(ctx); err != nil {
		return err
	}
	s.check(true, "It is ready: SIP on %s (UDP) and %s (TLS), REST on %s.", s.sw.UDP, s.sw.TLS, s.sw.URL)
	s.say("The first run made the domain %s with the extensions 2001 and 2002, the recorded line %s, the trunk of a carrier,", s.sw.Domain, s.sw.DID)
	s.say("an administrator with a one-time password, and the keys of the vault.")
	return nil
}

// phones makes the carrier and the desk phone, which registers.
func (s *story) phones(ctx context.Context) (err error) {
	if s.engine, err = relay.New(relay.Config{Shards: 1}); err != nil {
		return err
	}
	roots, err := rootsOf(s.sw.Certificate)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		phone **phone
		hz    float64
		phoneConfig
	}{
		{&s.carrier, callerTone, phoneConfig{name: "carrier", host: netip.MustParseAddr(carrierHost), user: callerID, domain: carrierHost,
			proxy: s.sw.UDP, security: media.SecurityForbidden}},
		{&s.desk, deskTone, phoneConfig{name: "desk", host: netip.MustParseAddr(deskHost), user: s.sw.Extension, domain: s.sw.Domain,
			password: s.sw.Password.Reveal(), proxy: s.sw.TLS, security: media.SecurityRequired,
			tls: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, ServerName: s.sw.Domain}}},
	} {
		if c.voice, err = voice(c.hz); err != nil {
			return err
		}
		c.engine = s.engine
		if *c.phone, err = newPhone(c.phoneConfig); err != nil {
			return err
		}
	}
	s.say("carrier   %s, UDP, plain RTP; its voice is a tone of %d Hz. The switch knows it by its address.", carrierHost, callerTone)
	s.say("desk      %s, extension %s, TLS, SRTP or nothing; its voice is a tone of %d Hz. It registers:", deskHost, s.sw.Extension, deskTone)
	if err := s.desk.register(ctx); err != nil {
		return err
	}
	s.line("\n%s", s.wire.ladder())
	s.check(s.wire.count("REGISTER", 401) == 1 && s.wire.count("REGISTER", 200) == 1, "It registered over TLS, and only with its password.")
	return nil
}

// rootsOf reads the switch's certificate: the phone trusts this one and no other.
func rootsOf(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("no certificate in %s", file)
	}
	return roots, nil
}

func voice(hz float64) (*play.Clip, error) {
	return tone.Cadence{Hz: []float64{hz}}.Clip(media.PCMU)
}

// call is the call from the first INVITE to the hang-up.
func (s *story) call(ctx context.Context) error {
	s.wire.clear()
	s.say("The carrier calls %s for %s ...", s.sw.DID, callerID)
	if err := s.carrier.dial(s.sw.DID); err != nil {
		return err
	}
	if _, err := s.carrier.wait(ctx, early, 5*time.Second); err != nil {
		return err
	}
	s.say("It hears something before the call is answered: early media, before charging.")
	if _, err := s.desk.wait(ctx, ringing, 25*time.Second); err != nil {
		return err
	}
	s.say("The desk phone rings.")
	notice := s.carrier.ear.since(0)
	if err := pause(ctx, ringFor); err != nil {
		return err
	}
	s.desk.pickUp()
	if _, err := s.carrier.wait(ctx, answered, 5*time.Second); err != nil {
		return err
	}
	s.carrier.talk()
	s.desk.talk()
	carrierMark, deskMark := s.carrier.ear.mark(), s.desk.ear.mark()
	s.say("It is picked up, and both talk ...")
	if err := pause(ctx, talkFor); err != nil {
		return err
	}
	secure, plain := s.desk.stats(), s.carrier.stats()
	during, err := search(s.sw.Dir, s.secrets())
	if err != nil {
		return err
	}
	s.carrier.hangUp()
	for _, p := range []*phone{s.carrier, s.desk} {
		if _, err := p.wait(ctx, ended, 5*time.Second); err != nil {
			return err
		}
	}
	if err := until(ctx, 5*time.Second, func() (bool, error) { return s.wire.count("BYE", 200) == 2, nil }); err != nil {
		return fmt.Errorf("the BYE is not answered: %w", err)
	}
	s.line("\n%s", s.wire.ladder())
	if err := s.noticeHeard(notice); err != nil {
		return err
	}
	s.check(secure.SRTP != "" && secure.Unauthentic == 0 && plain.SRTP == "", "Media of the desk phone: SRTP %s; of the carrier: plain RTP.", secure.SRTP)
	s.toneHeard("The carrier", s.carrier.ear.since(carrierMark), "the desk's", deskTone)
	s.toneHeard("The desk phone", s.desk.ear.since(deskMark), "the caller's", callerTone)
	s.check(len(during.found) == 0, "While they talked, neither of their voices nor a password lay in the data in clear%s.", during)
	return nil
}

// pause lets the call go on.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// noticeHeard compares what the caller heard before the phone rang with the announcement's own frames.
func (s *story) noticeHeard(got []heard) error {
	src, info, err := s.sw.Prompts.Open(s.sw.Domain, s.sw.Notice, "", media.PCMU)
	if err != nil {
		return err
	}
	want := framesOf(src)
	n := inOrder(got, want)
	s.check(len(want) > 0 && n >= len(want)-clipped, "The caller heard the notice first: %d of its %d frames of 20 ms (%.1f s), bit by bit, in order.",
		n, len(want), (time.Duration(len(want)) * frameTime).Seconds())
	for _, lang := range []string{"ja", "en"} {
		_, text, err := s.sw.Prompts.Open(s.sw.Domain, s.sw.Notice, lang, media.PCMU)
		if err != nil {
			return err
		}
		spoken := ""
		if text.Language == info.Language {
			spoken = "  <- this one"
		}
		s.say("     %s: %s%s", text.Language, text.Text, spoken)
	}
	return nil
}

func (s *story) toneHeard(who string, got []heard, whose string, hz float64) {
	length, gap := toneHeard(got, hz)
	s.check(length >= talkFor-lateMax && gap <= gapMax, "%s then heard %s %.0f Hz for %.2f s of %.0f s, longest gap %d ms.", who, whose, hz,
		length.Seconds(), talkFor.Seconds(), gap.Milliseconds())
}

var errNothing = errors.New("nothing came in time")

// until asks again every 50 ms until f says that it is done.
func until(ctx context.Context, patience time.Duration, f func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errNothing)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := f()
		if done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
