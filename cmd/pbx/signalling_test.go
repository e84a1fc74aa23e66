package main

import (
	"context"
	"log/slog"
	"net/netip"
	"path/filepath"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
	"naisen/sip"
	"naisen/sip/auth"
	"naisen/sip/dialog"
	"naisen/sip/registrar"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// twoDomains is a directory of two organisations on one switch. It is made outside the bubble: inside only its snapshot is read.
func twoDomains(t *testing.T) *directory.Directory {
	t.Helper()
	keys, err := secret.OpenKeyring(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "pbx.db"), Sealer: keys, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	err = st.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		for domain, entities := range map[string][]provisioning.Entity{
			"a.example": {provisioning.Domain{Name: "a.example", Title: "a", Language: "ja", CountryCode: "81"},
				provisioning.Extension{Number: "2001", Display: "Boss"}, provisioning.Extension{Number: "2002", Display: "Clerk"},
				provisioning.DID{Number: "+81312345678", To: []string{"2001"}},
				provisioning.Trunk{Name: "carrier", Host: "192.0.2.50", Transport: "udp", Sources: []string{"192.0.2.50/32"}, Prefixes: []string{"0"}}},
			"b.example": {provisioning.Domain{Name: "b.example", Title: "b", Language: "ja", CountryCode: "81"},
				provisioning.Extension{Number: "2001", Display: "Other Boss", UnsolicitedMWI: true}},
		} {
			for _, e := range entities {
				if _, err := w.Put(domain, e, "!"); err != nil {
					return err
				}
				if x, ok := e.(provisioning.Extension); ok {
					cred := secret.SIPCredential(x.Number, domain, secret.New(x.Number+domain))
					if err := w.PutSecret(domain, provisioning.SecretSIP, x.Number, cred.Encode()); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := directory.New(t.Context(), st, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// silent is media that is never used: every call is refused by its route.
type silent struct{ media.Engine }

func (silent) Bridge() media.Bridge { return silentBridge{} }

type silentBridge struct{ media.Bridge }

func (silentBridge) Close() error { return nil }

type noLedger struct{}

func (noLedger) Enter(call.CDR) {}

// desk is the signalling part alone; routed holds what reached the route, which refuses everything with 410.
type desk struct {
	net    *siptest.Network
	at     netip.AddrPort
	s      *signalling
	routed chan route.Request
}

func newDesk(t *testing.T, d *directory.Directory) *desk {
	t.Helper()
	w := &desk{net: siptest.NewNetwork(1), at: netip.MustParseAddrPort("192.0.2.10:5060"), routed: make(chan route.Request, 10)}
	log := slog.New(slog.DiscardHandler)
	p := &pbx{directory: d}
	w.s = &signalling{directory: d, audit: auditQueue(100), callbacks: newCallbacks(time.Now),
		domain: "a.example", own: map[string]bool{w.at.Addr().String(): true}, log: log}
	w.s.auth = auth.New(auth.Config{OfferMD5: p.offerMD5}, credentials{d})
	config := w.net.Config(stack.Listen{Transport: "udp", Addr: w.at})
	config.Shards = 1
	st, err := stack.New(config, w.s, log)
	if err != nil {
		t.Fatal(err)
	}
	w.s.stack, w.s.ua, w.s.registrar = st, dialog.New(st, dialog.Config{}, log), registrar.New(registrar.Config{}, nil, log)
	w.s.events = w.s.newEvents(w.s.stack)
	w.s.calls = call.NewSwitch(call.Deps{Media: silent{}, Ledger: noLedger{}, Clock: time.Now, Log: log, Alarm: func(string) {},
		Route: func(r route.Request, _ time.Time) route.Plan {
			w.routed <- r
			return route.Plan{Refuse: sip.StatusCause(410)}
		}}, 0)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- st.Serve(ctx) }()
	t.Cleanup(func() {
		w.s.calls.Drain(ctx)
		w.s.events.contacts.Close()
		cancel()
		_ = st.Close()
		<-served
	})
	return w
}

// TestWhoCalls: the route sees who the caller proved to be, never who it says it is, and only what is meant for its own domain.
func TestWhoCalls(t *testing.T) {
	d := twoDomains(t)
	for _, c := range []struct {
		name               string
		from, user, domain string // where the phone is, who it proves to be
		claims             string // user in From; empty: the same
		to                 sip.URI
		status             int
		want               route.Request // zero: nothing may reach the route
	}{
		{"an extension", "192.0.2.20", "2002", "a.example", "", sip.URI{User: "2001", Host: "a.example"}, 410,
			route.Request{Domain: "a.example", Extension: "2002", Number: "2002", Display: "Clerk", Dialled: "2001", Own: true}},
		{"by the switch's address", "192.0.2.20", "2001", "b.example", "", sip.URI{User: "03-1234-5678", Host: "192.0.2.10"}, 410,
			route.Request{Domain: "b.example", Extension: "2001", Number: "2001", Display: "Other Boss", Dialled: "0312345678", E164: "+81312345678", Own: true}},
		{"the boss's name with own credentials", "192.0.2.20", "2002", "a.example", "2001", sip.URI{User: "119", Host: "a.example"}, 410,
			route.Request{Domain: "a.example", Extension: "2002", Number: "2002", Display: "Clerk", Dialled: "119", Own: true}},
		{"the same number of another domain", "192.0.2.20", "2002", "a.example", "", sip.URI{User: "2001", Host: "b.example"}, 404, route.Request{}},
		{"a relay for strangers", "192.0.2.20", "2002", "a.example", "", sip.URI{User: "2001", Host: "elsewhere.example"}, 403, route.Request{}},
		{"no password", "192.0.2.20", "", "a.example", "2001", sip.URI{User: "2002", Host: "a.example"}, 401, route.Request{}},
		{"the carrier", "192.0.2.50", "", "carrier.example", "09011112222", sip.URI{User: "0312345678", Host: "192.0.2.10"}, 410,
			route.Request{Domain: "a.example", Trunk: "carrier", Number: "+819011112222", Dialled: "+81312345678"}},
		{"the carrier, no number of ours", "192.0.2.50", "", "carrier.example", "09011112222", sip.URI{User: "2001", Host: "192.0.2.10"}, 410,
			route.Request{Domain: "a.example", Trunk: "carrier", Number: "+819011112222", Dialled: "2001"}},
		{"a phone beside the carrier's gateway", "192.0.2.50", "2002", "a.example", "", sip.URI{User: "2001", Host: "a.example"}, 410,
			route.Request{Domain: "a.example", Extension: "2002", Number: "2002", Display: "Clerk", Dialled: "2001", Own: true}},
		{"a phone beside the carrier's gateway that dials an outside number of ours", "192.0.2.50", "2001", "b.example", "",
			sip.URI{User: "0312345678", Host: "b.example"}, 410,
			route.Request{Domain: "b.example", Extension: "2001", Number: "2001", Display: "Other Boss", Dialled: "0312345678", E164: "+81312345678", Own: true}},
		{"somebody beside the carrier's gateway", "192.0.2.50", "", "a.example", "2002", sip.URI{User: "0901234567", Host: "a.example"}, 401, route.Request{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newDesk(t, d)
				ph := w.net.Phone(t, "phone", netip.AddrPortFrom(netip.MustParseAddr(c.from), 5060), w.at)
				ph.Domain, ph.Name = c.domain, c.user
				if c.claims != "" {
					ph.Name = c.claims
				}
				if got := invite(ph, c.user, c.user+c.domain, c.to); got != c.status {
					t.Errorf("status %d, want %d", got, c.status)
				}
				var got route.Request
				select {
				case got = <-w.routed:
				default:
				}
				if c.want.Extension != "" {
					c.want.From = ph.Addr.Addr()
				}
				if !reflect.DeepEqual(got, c.want) {
					t.Errorf("\n got %+v\nwant %+v", got, c.want)
				}
			})
		})
	}
}

// invite calls and answers one challenge, if it has a user to prove. It gives the final status.
func invite(ph *siptest.Phone, user, password string, to sip.URI) int {
	to.Scheme = "sip"
	r := ph.NewRequest("INVITE", to.User)
	r.URI = to
	for try := 0; ; try++ {
		ph.Send(r)
		var resp *stack.Response
		for resp == nil || resp.Status < 200 {
			m, ok := ph.Read(siptest.Patience)
			if !ok {
				return 0
			}
			resp = m.Response
		}
		ack := r.Clone()
		ack.Method = "ACK"
		ack.Set("CSeq", "1 ACK")
		ack.Set("To", resp.Get("To"))
		ph.Send(ack)
		if resp.Status != 401 || user == "" || try > 0 {
			return resp.Status
		}
		r = ph.Again(r)
		if siptest.Digest(user, password)(r, resp) != nil {
			return resp.Status
		}
	}
}
