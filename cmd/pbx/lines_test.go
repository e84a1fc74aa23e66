package main

import (
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
	"naisen/sip/auth"
	"naisen/sip/registrar/client"
	"naisen/sip/resolve"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// deaf takes nothing: only our own transactions matter.
type deaf struct{}

func (deaf) Request(tx *stack.ServerTx)    { _ = tx.Respond(stack.NewResponse(tx.Request(), 501, "")) }
func (deaf) Ack(*stack.Request)            {}
func (deaf) Cancel(*stack.ServerTx)        {}
func (deaf) StrayResponse(*stack.Response) {}
func (deaf) FlowClosed(*stack.Flow)        {}

// TestLinesFollowTheDirectory: a trunk that is to be registered is, with its own account; when it is disabled, it says farewell.
func TestLinesFollowTheDirectory(t *testing.T) {
	keys, err := secret.OpenKeyring(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "pbx.db"), Sealer: keys, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	line := provisioning.Trunk{Name: "carrier", Host: pc.LocalAddr().String(), Transport: "udp", Register: "single", Username: "0312345678", Realm: "r",
		RegisterSeconds: 600}
	put := func() {
		err := st.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
			if _, err := w.Put("d.example", provisioning.Domain{Name: "d.example", Language: "ja", CountryCode: "81"}, ""); err != nil {
				return err
			}
			idle := provisioning.Trunk{Name: "idle", Host: "192.0.2.1", Transport: "udp", Register: "none", Profile: "digest"}
			early := provisioning.Trunk{Name: "early", Host: "192.0.2.1", Transport: "udp", Profile: "digest", Username: "line2"} // no password yet
			for _, e := range []provisioning.Trunk{line, idle, early} {
				if _, err := w.Put("d.example", e, ""); err != nil {
					return err
				}
			}
			return w.PutSecret("d.example", provisioning.SecretTrunk, "carrier", []byte("pw"))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put()
	d, err := directory.New(t.Context(), st, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	s, err := stack.New(stack.Config{Listen: []stack.Listen{{Transport: "udp", Addr: netip.MustParseAddrPort("127.0.0.1:0")}}}, deaf{}, log)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(t.Context()) }()
	resolver := resolve.New(resolve.Config{})
	defer resolver.Close()
	places := newTrunks(d, resolver, nil, log)
	l := newLines(t.Context(), d, s, places, log)
	places.lines = l.client
	defer func() {
		l.Close()
		_ = s.Close()
		<-served
	}()

	carrier := siptest.NewPhone(t, "carrier", pc, s.LocalAddrs()[0].Addr)
	carrier.Reply(carrier.Expect("REGISTER"), 401, func(r *stack.Response) {
		r.Add("WWW-Authenticate", `Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"`)
	})
	r := carrier.Expect("REGISTER")
	if want := (auth.ClientCredential{User: "0312345678", Secret: "pw", Realm: "r"}); wantedLines(d.Snapshot(), log)[0].Credential != want || r.Get("Authorization") == "" {
		t.Error("not with the trunk's account")
	}
	carrier.Reply(r, 200, nil)
	waitFor(t, func() bool {
		state, _ := l.client.State("d.example/carrier")
		return state.Phase == client.Registered && len(l.client.States()) == 1
	})
	if status, err := places.TrunkStatus("d.example", "carrier"); err != nil || status.Registration == nil || status.Registration.Phase != "registered" || status.Registration.Status != 200 {
		t.Errorf("REST would show %+v %v", status.Registration, err)
	}
	line.Disabled = true
	put()
	if r := carrier.Expect("REGISTER"); r.Get("Expires") != "0" {
		t.Error("farewell with", r.Get("Expires"))
	} else {
		carrier.Reply(r, 200, nil)
	}
	waitFor(t, func() bool { return len(l.client.States()) == 0 })
}

// waitFor polls with a deadline that no test comes near unless it fails.
func waitFor(t *testing.T, ready func() bool) {
	t.Helper()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	deadline := time.After(30 * time.Second)
	for !ready() {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatal("waited for nothing")
		}
	}
}
