package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"naisen/cmd/pbx/internal/webhook"
	"naisen/sip/push"
	"naisen/sip/registrar"
)

// PushConfig says by which services softphones that sleep are woken (RFC 8599). Without any nobody is.
type PushConfig struct {
	APNs    APNsConfig    `yaml:"apns"`
	FCM     FCMConfig     `yaml:"fcm"`
	WebPush WebPushConfig `yaml:"web_push"`
}

// APNsConfig is Apple's service.
type APNsConfig struct {
	Key     Secret   `yaml:"key"`     // the .p8 file: "file:/run/secrets/apns.p8"
	KeyID   string   `yaml:"key_id"`  // 10 characters
	TeamID  string   `yaml:"team_id"` // 10 characters
	Topics  []string `yaml:"topics"`  // bundle identifiers of our apps
	Sandbox bool     `yaml:"sandbox"` // for apps under development
}

// FCMConfig is Google's service.
type FCMConfig struct {
	Account Secret `yaml:"account"` // JSON of the service account

	base, tokenURI string            // of tests; empty: Google's
	transport      http.RoundTripper // likewise
}

// WebPushConfig is the service of browsers.
type WebPushConfig struct {
	Key     Secret   `yaml:"key"`     // P-256 private key, PEM
	Contact string   `yaml:"contact"` // "mailto:pbx@ward.example.jp"
	Hosts   []string `yaml:"hosts"`   // services that may be sent to; those of the known browsers when empty
}

// apnsSandbox is where apps under development are woken.
const apnsSandbox = "https://api.sandbox.push.apple.com"

// providers makes the services that are configured. Their errors never hold what was configured.
func (c *PushConfig) providers() (out []push.Provider, err error) {
	var errs []error
	add := func(key string, p push.Provider, err error) {
		if err != nil {
			errs = append(errs, invalid("push."+key, "%v", err))
			return
		}
		out = append(out, p)
	}
	if a := c.APNs; a.Key.value != "" || a.KeyID != "" {
		cfg := push.APNsConfig{Key: []byte(a.Key.value), KeyID: a.KeyID, TeamID: a.TeamID, Topics: a.Topics}
		if a.Sandbox {
			cfg.Base = apnsSandbox
		}
		p, err := push.NewAPNs(cfg)
		add("apns", p, err)
	}
	if c.FCM.Account.value != "" {
		p, err := push.NewFCM(push.FCMConfig{Account: []byte(c.FCM.Account.value), Base: c.FCM.base, TokenURI: c.FCM.tokenURI, Transport: c.FCM.transport})
		add("fcm", p, err)
	}
	if w := c.WebPush; w.Key.value != "" || w.Contact != "" {
		cfg := push.WebPushConfig{Key: []byte(w.Key.value), Contact: w.Contact, Transport: newStraight(http.DefaultTransport.(*http.Transport))}
		if len(w.Hosts) > 0 {
			cfg.Hosts = slices.Clone(w.Hosts)
		}
		p, err := push.NewWebPush(cfg)
		add("web_push", p, err)
	}
	return out, errors.Join(errs...)
}

// straight sends what a telephone has given the address of. A proxy resolves names itself and has its own rules; where there is none nothing is connected to but
// the internet: not by a name that resolves to an address of ours either.
type straight struct{ outward, byProxy http.RoundTripper }

const pushDial = 5 * time.Second

func newStraight(base *http.Transport) straight {
	outward := push.NewTransport(base)
	outward.Proxy, outward.DialContext = nil, webhook.Outward(pushDial, false).DialContext
	return straight{outward, push.NewTransport(base)}
}

// RoundTrip implements http.RoundTripper.
func (s straight) RoundTrip(r *http.Request) (*http.Response, error) {
	if proxy, err := http.ProxyFromEnvironment(r); err == nil && proxy == nil {
		return s.outward.RoundTrip(r)
	}
	return s.byProxy.RoundTrip(r)
}

func (c *PushConfig) validate() error {
	_, err := c.providers()
	return err
}

// wirePush makes the push services, for the registrar and the dialler.
func (p *pbx) wirePush() (registrar.Push, error) {
	providers, err := p.config.Push.providers()
	if err != nil || len(providers) == 0 {
		return registrar.Push{}, err
	}
	p.push = push.New(push.Config{Providers: providers}, p.log)
	p.closing("push services", func(context.Context) error { p.push.Close(); return nil })
	p.alarms.watchEach("push-down", func() map[[2]string]string {
		down := map[[2]string]string{}
		for _, s := range p.push.Stats() {
			if s.Down {
				down[[2]string{"", s.Provider}] = ""
			}
		}
		return down
	})
	p.alarms.watchCount("push-refused", func() (n uint64) {
		for _, s := range p.push.Stats() {
			n += s.Rejected
		}
		return n
	})
	return registrar.Push{Service: p.push, Sealer: p.keys}, nil
}

// wakes lets a dialler wake devices that sleep, where there is a push service.
func (p *pbx) wakes(d *dialler) {
	if p.push != nil {
		d.sleepers = newSleepers(d, p.push)
	}
}

// newSleepers makes what holds calls for devices that sleep.
func newSleepers(d *dialler, service wakener) *sleepers {
	return &sleepers{registrar: d.registrar, service: service, patience: wakePatience, grace: wakeGrace, move: d.moved, farewell: d.bid, legs: &d.signalling.legs, log: d.log}
}

func (p *pbx) pushMetrics(c *collector) {
	if p.push == nil {
		return
	}
	sum := func(of func(push.Stats) uint64) func() float64 {
		return func() (n float64) {
			for _, s := range p.push.Stats() {
				n += float64(of(s))
			}
			return n
		}
	}
	counter := func(name, help string, v func() float64) { c.add(name, help, prometheus.CounterValue, v) }
	c.add("naisen_push_waiting", "Wake-ups of softphones that wait for their push service.", prometheus.GaugeValue, sum(func(s push.Stats) uint64 { return uint64(s.Waiting) }))
	counter("naisen_push_sent_total", "Wake-ups that push services took.", sum(func(s push.Stats) uint64 { return s.Sent }))
	counter("naisen_push_gone_total", "Wake-ups of apps that are not installed any more.", sum(func(s push.Stats) uint64 { return s.Gone }))
	counter("naisen_push_refused_total", "Wake-ups that a push service refuses for what we send.", sum(func(s push.Stats) uint64 { return s.Rejected }))
	counter("naisen_push_busy_total", "Wake-ups that a push service finds too many.", sum(func(s push.Stats) uint64 { return s.Busy }))
	counter("naisen_push_unavailable_total", "Wake-ups that found their push service down.", sum(func(s push.Stats) uint64 { return s.Unavailable }))
	counter("naisen_push_dropped_total", "Wake-ups that found no room, or were sent too late.", sum(func(s push.Stats) uint64 { return s.Full + s.Late }))
	c.add("naisen_held_invites", "Branches of calls that wait for a softphone to wake.", prometheus.GaugeValue, func() float64 { return float64(p.registrar.Stats().Held) })
	counter("naisen_held_invites_refused_total", "Branches of calls that could not wait: there are too many.", func() float64 { return float64(p.registrar.Stats().NotHeld) })
	s := p.dialler.sleepers
	counter("naisen_held_woken_total", "Held branches whose softphone woke in time.", func() float64 { return float64(s.woken.Load()) })
	counter("naisen_held_slept_total", "Held branches whose softphone did not wake in time.", func() float64 { return float64(s.slept.Load()) })
	counter("naisen_held_failed_total", "Held branches whose softphone could not be pushed to.", func() float64 { return float64(s.failed.Load()) })
	counter("naisen_held_late_total", "Softphones that woke for a call which was over; each was told so.", func() float64 { return float64(s.ghosts.Load()) })
}
