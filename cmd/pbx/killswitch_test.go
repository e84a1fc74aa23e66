package main

import (
	goflag "flag"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/provisioning"
	"naisen/provisioning/secret"
	"naisen/provisioning/signals"
	"naisen/provisioning/signals/signalstest"
	"naisen/sip/siptest"
)

// crowd is how many people are registered: the gate has few, and what the figures of ROADMAP.md were taken with is -crowd 2500 -v.
var crowd = goflag.Int("crowd", 100, "people whose telephones are registered; a 25th of them are cut off")

func crowdUser(i int) string   { return fmt.Sprintf("u%04d", i) }
func crowdNumber(i int) string { return fmt.Sprint(10_000 + i) }

// populate makes them, and the passwords of those who talk.
func (l *signalLab) populate(talks int) map[int]secret.Secret {
	out := map[int]secret.Secret{}
	l.update(func(w provisioning.Writer) error {
		for i := range *crowd {
			if _, err := w.Put("pbx.internal", provisioning.User{Name: crowdUser(i)}, ""); err != nil {
				return err
			}
			if _, err := w.Put("pbx.internal", provisioning.Extension{Number: crowdNumber(i), User: crowdUser(i), AllowMD5: true, Media: "srtp-preferred"}, ""); err != nil {
				return err
			}
			if i < talks {
				plain, c := secret.NewSIPSecret(crowdNumber(i), "pbx.internal")
				if out[i] = plain; w.PutSecret("pbx.internal", provisioning.SecretSIP, crowdNumber(i), c.Encode()) != nil {
					l.t.Fatal("no password")
				}
			}
		}
		return nil
	})
	return out
}

// TestKillSwitch measures from the moment when a transmitter sends session-revoked to the moment when each effect of it is there, for many people at once: the
// token is refused, the registration gone, the stream of live events and the call at their end.
func TestKillSwitch(t *testing.T) {
	gone := *crowd / 25       // whose sessions are revoked; all of them watch live events
	talks := max(gone/5*2, 2) // of these talk, in pairs
	dir, x := t.TempDir(), signalstest.New(t)
	keep := func(c *Config) { c.Data = dir; c.SIP.SourceRate = 2000 }
	first := newSignalLab(t, x, keep)
	passwords := first.populate(talks)
	var rows []provisioning.BindingRow
	for i := talks; i < *crowd; i++ {
		rows = append(rows, provisioning.BindingRow{AOR: crowdNumber(i) + "@pbx.internal", Key: "k", Expires: time.Now().Add(time.Hour),
			Body: []byte(`{"Text":"<sip:x@192.0.2.1>","Transport":"udp","Received":"192.0.2.1:5060","Local":"192.0.2.2:5060","Proof":"certificate"}`)})
	}
	if err := first.p.store.SaveBindings(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	first.stop()
	l := newSignalLab(t, x, keep)
	var phones []*siptest.Phone
	for i := range talks {
		p := siptest.NewPhone(t, crowdNumber(i), l.socket(netip.MustParseAddr("127.0.0.1")), l.at("udp"))
		p.Domain, p.Auth = "pbx.internal", siptest.Digest(crowdNumber(i), passwords[i].Reveal())
		p.Register(300)
		phones = append(phones, p)
	}
	for i := 0; i < talks; i += 2 {
		l.talk(phones[i], phones[i+1])
	}
	tokens, streams := make([]string, gone), make([]<-chan string, gone)
	for i := range gone {
		tokens[i] = l.token(crowdUser(i), -time.Minute)
		streams[i] = l.watch(tokens[i])
	}
	if n := l.p.registrar.Count(); n != *crowd {
		t.Fatalf("%d registered", n)
	}

	var mu sync.Mutex
	took := map[string][]time.Duration{}
	var wg sync.WaitGroup
	slots := make(chan struct{}, 16) // connections of the transmitter
	for i := range gone {
		wg.Go(func() {
			slots <- struct{}{}
			began := time.Now()
			got := l.push(l.event(signalstest.CAEP+signals.SessionRevoked, l.user(crowdUser(i)), 0))
			<-slots
			if got != "" {
				t.Errorf("%s: %s", crowdUser(i), got)
				return
			}
			add := func(what string) {
				mu.Lock()
				took[what] = append(took[what], time.Since(began))
				mu.Unlock()
			}
			if l.p.directory.Snapshot().Revoked(provisioning.Subject{Domain: "pbx.internal", User: crowdUser(i), Issued: began.Add(-time.Minute)}) == "" {
				t.Errorf("%s: the token is good after the answer", crowdUser(i))
			}
			add("token")
			wg.Go(func() { <-streams[i]; add("live events") })
			waitFor(t, func() bool { return l.registered(crowdNumber(i)) == 0 })
			add("registration")
			if i < talks {
				waitFor(t, func() bool {
					return !slices.ContainsFunc(l.p.calls.Snapshots("pbx.internal"), func(s *call.Snapshot) bool {
						return s.Phase != call.Ending && (s.From == crowdNumber(i) || s.To == crowdNumber(i))
					})
				})
				add("call")
			}
		})
	}
	wg.Wait()
	var all []time.Duration
	for what, list := range took {
		slices.Sort(list)
		all = append(all, list...)
		t.Logf("%-13s %4d: half within %v, 99 %% within %v, all within %v", what, len(list), list[len(list)/2].Round(time.Millisecond), list[len(list)*99/100].Round(time.Millisecond), list[len(list)-1].Round(time.Millisecond))
	}
	slices.Sort(all)
	t.Logf("%d of %d people: 99 %% of %d effects within %v, all within %v", gone, *crowd, len(all), all[len(all)*99/100].Round(time.Millisecond), all[len(all)-1].Round(time.Millisecond))
}
