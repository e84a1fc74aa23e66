package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/audit"
	"naisen/sip/registrar"
)

// TestSignInFloodHidesNobody: guesses from one source, or at one domain, take no room from the facts of others.
func TestSignInFloodHidesNobody(t *testing.T) {
	a := auditQueue(1000)
	wave := func(domain, source string, n int) (entered int) {
		before := len(a.queue)
		for i := range n {
			a.failedSignIn(domain, fmt.Sprint(i), netip.MustParseAddr(source), "wrong")
		}
		return len(a.queue) - before
	}
	if n := wave("a.example", "192.0.2.66", 1500); n < 1 || n > 15 {
		t.Errorf("one source filled %d entries", n)
	}
	if n := wave("a.example", "192.0.2.1", 1); n != 1 {
		t.Error("another source of the same domain was not heard")
	}
	for i := range 200 {
		wave("a.example", fmt.Sprintf("2001:db8:0:%x::1", i), 1)
	}
	before := len(a.queue)
	if a.callDenied("a.example", "2001", "0990512345", nil); len(a.queue) != before+1 {
		t.Error("the flood hides a refused call of the same domain")
	}
	if n := wave("b.example", "192.0.2.66", 1); n != 0 {
		t.Error("a source is held back in one domain only")
	}
	if n := wave("b.example", "192.0.2.2", 1); n != 1 {
		t.Error("the flood at one domain took the room of another")
	}
	if n := wave("b.example", "2001:db8:0:5::99", 1); n != 1 {
		t.Error("a /64 with one entry before is quiet already")
	}
	if a.dropped.Load() == 0 {
		t.Error("nothing was counted as left out")
	}
}

func TestSourceOf(t *testing.T) {
	for in, want := range map[string]string{"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::", "fe80::1%eth0": "fe80::"} {
		if got := sourceOf(netip.MustParseAddr(in)); got.String() != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// TestFloodIsToldByTheMinute: what the rates leave out is one entry for each kind of it, with how often and from where, however many strangers there are.
func TestFloodIsToldByTheMinute(t *testing.T) {
	a := auditQueue(10_000)
	for i := range 20_000 {
		a.failedSignIn("a.example", fmt.Sprint(i), netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), "wrong")
	}
	for range 500 {
		a.failedSignIn("b.example", "2001", netip.MustParseAddr("192.0.2.66"), "wrong")
		a.refusedToken("b.example")("192.0.2.66", "identity: expired")
	}
	entered := len(a.queue)
	if entered > 200 {
		t.Errorf("%d entries of a flood", entered)
	}
	a.tellMinute()
	var told []string
	counted := uint64(0)
	for i := 0; len(a.queue) > 0; i++ {
		e := <-a.queue
		if !audit.Known(e.Action) {
			t.Errorf("%s is no event", e.Action)
		}
		if i < entered {
			continue
		}
		counted += e.Detail["count"].(uint64)
		told = append(told, fmt.Sprint(e.Domain, " ", e.Action, " ", e.Outcome, " ", e.Reason, " ", e.Detail["different_sources"], " ", e.Detail["and_more"]))
		if named := e.Detail["sources"].([]string); len(named) > tallyNamed || e.Domain == "b.example" && named[0] != "192.0.2.66" {
			t.Errorf("sources %v", named)
		}
	}
	want := []string{"a.example sip.sign-in denied wrong 1000 true", "b.example sip.sign-in denied wrong 1 false", "b.example token.refused denied identity: expired 1 false"}
	if !slices.Equal(told, want) {
		t.Errorf("%q, want %q", told, want)
	}
	if int(counted)+entered != 21_000 || counted != a.dropped.Load() {
		t.Errorf("%d entered and %d counted of 21,000; %d were dropped", entered, counted, a.dropped.Load())
	}
	if a.tellMinute(); len(a.queue) != 0 {
		t.Error("a quiet minute is told of")
	}
}

// TestTallyIsBounded: reasons without end are counted together.
func TestTallyIsBounded(t *testing.T) {
	y := newTally(time.Now)
	for i := range 10 * tallyGroups {
		y.add(provisioning.AuditEntry{Domain: "a.example", Action: "sip.sign-in", Outcome: "denied", Reason: fmt.Sprint(i)})
	}
	if n := len(y.take()); n > tallyGroups+1 {
		t.Errorf("%d groups", n)
	}
}

// TestDeviceLog: a telephone is in the log where it registers from somewhere new or as another make, and when it leaves; never for a refresh, and not for what
// stood in the table at the start.
func TestDeviceLog(t *testing.T) {
	var got []string
	d := &deviceLog{known: map[string][]place{}, enter: func(key string, e provisioning.AuditEntry) {
		if !audit.Known(e.Action) || audit.KindOf(e.Action) != audit.KindDevice {
			t.Errorf("%s is no event of a device", e.Action)
		}
		got = append(got, fmt.Sprint(key, " ", e.Action, " ", e.Object, " ", e.Source, " ", e.Client, " ", e.Reason))
	}}
	of := func(event registrar.Event, number, from, agent string) {
		d.took(registrar.Change{Event: event, Binding: registrar.Binding{AOR: number + "@a.example", Domain: "a.example", UserAgent: agent, Proof: proofDigest,
			Received: netip.AddrPortFrom(netip.MustParseAddr(from), uint16(5000+len(got)))}})
	}
	of(registrar.EventCreated, "2001", "192.0.2.1", "A")
	of(registrar.EventRegistered, "2001", "192.0.2.1", "A")
	of(registrar.EventRefreshed, "2001", "192.0.2.1", "A")
	of(registrar.EventRefreshed, "2001", "::ffff:192.0.2.1", "A")
	of(registrar.EventRefreshed, "2001", "192.0.2.2", "A")
	of(registrar.EventRegistered, "2001", "192.0.2.2", "B")
	of(registrar.EventRegistered, "2002", "192.0.2.2", "B")
	of(registrar.EventExpired, "2001", "192.0.2.2", "B")
	of(registrar.EventUnregistered, "2001", "192.0.2.2", "B")
	of(registrar.EventRejected, "2002", "192.0.2.2", "B")
	want := []string{"device/2001@a.example device.register extension/2001 192.0.2.2 A ", "device/2001@a.example device.register extension/2001 192.0.2.2 B ",
		"device/2002@a.example device.register extension/2002 192.0.2.2 B ", "device/2001@a.example device.unregister extension/2001 192.0.2.2 B by itself",
		"device/2002@a.example device.unregister extension/2002 192.0.2.2 B its right ended"}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant %s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for i := range 10 * devicePlaces {
		of(registrar.EventRefreshed, "2001", fmt.Sprintf("192.0.3.%d", i), "A")
	}
	if n := len(d.known["2001@a.example"]); n > devicePlaces {
		t.Errorf("%d places of one extension are remembered", n)
	}
}

// pagedLog answers searches by two entries a page, the newest first.
type pagedLog struct {
	entries []provisioning.AuditEntry
	asked   int
}

func (l *pagedLog) SearchAudit(_ context.Context, domain string, q provisioning.AuditSearch) (page provisioning.AuditPage, _ error) {
	l.asked++
	for i, e := range slices.Backward(l.entries) {
		if seq := int64(i + 1); e.Domain == domain && e.Action == q.Action && !e.Time.Before(q.Since) && (q.After == 0 || seq < q.After) {
			if len(page.Entries) == 2 {
				return page, nil
			}
			page.Entries, page.Next = append(page.Entries, e), seq
		}
	}
	page.Next = 0
	return page, nil
}

// TestPlacesSurviveARestart: where a telephone was, the log says: after a restart only what is new is new, and the newest places count.
func TestPlacesSurviveARestart(t *testing.T) {
	log, now := &pagedLog{}, time.Now()
	of := func(d *deviceLog, number, from string) {
		d.took(registrar.Change{Event: registrar.EventRegistered, Binding: registrar.Binding{AOR: number + "@a.example", Domain: "a.example", UserAgent: "A", Proof: proofDigest,
			Received: netip.AddrPortFrom(netip.MustParseAddr(from), 5060)}})
	}
	start := func() *deviceLog {
		d := &deviceLog{known: map[string][]place{}, enter: func(_ string, e provisioning.AuditEntry) {
			e.Time = now
			log.entries = append(log.entries, e)
		}}
		d.remember(t.Context(), log, []string{"b.example", "a.example"}, now, slog.New(slog.DiscardHandler))
		return d
	}
	d := start()
	for i := range 2 * devicePlaces {
		of(d, "2001", fmt.Sprintf("192.0.2.%d", i))
	}
	of(d, "2002", "192.0.2.1")
	before := len(log.entries)
	d = start()
	for i := devicePlaces; i < 2*devicePlaces; i++ {
		of(d, "2001", fmt.Sprintf("192.0.2.%d", i))
	}
	of(d, "2002", "192.0.2.1")
	if n := len(log.entries) - before; n != 0 || before != 2*devicePlaces+1 {
		t.Errorf("%d telephones are new again, of %d", n, before)
	}
	of(d, "2001", "192.0.2.0") // the oldest was forgotten
	of(d, "2002", "192.0.2.2")
	if n := len(log.entries) - before; n != 2 || len(d.known["2001@a.example"]) != devicePlaces {
		t.Errorf("%d entries of new places, want 2; known are %v", n, d.known)
	}
	now = now.Add(devicesAgo + time.Hour)
	if d = start(); len(d.known) != 0 {
		t.Errorf("places of long ago are known: %v", d.known)
	}
}

// TestAlarmsAreInTheLog: what is raised and cleared is an event of the domain, one of the whole switch of the domain that is named; a flapping one is bounded.
func TestAlarmsAreInTheLog(t *testing.T) {
	log, al := auditQueue(100), newAlarms(slog.New(slog.DiscardHandler), time.Now)
	al.audited(log, "a.example")
	al.set("store-down", "", "", "", true)
	al.set("store-down", "", "", "", true)
	al.set("store-down", "", "", "", false)
	al.happened("emergency-call", "b.example", "c1", "110")
	var got []string
	for len(log.queue) > 0 {
		e := <-log.queue
		got = append(got, fmt.Sprint(e.Domain, " ", e.Action, " ", e.Object, " ", e.Reason, " ", e.Detail["of"]))
	}
	want := []string{"a.example alarm.raised alarm/store-down  <nil>", "a.example alarm.cleared alarm/store-down  <nil>", "b.example alarm.raised alarm/emergency-call 110 c1"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for range 500 {
		al.set("store-down", "", "", "", true)
		al.set("store-down", "", "", "", false)
	}
	if n := len(log.queue); n > 25 {
		t.Errorf("a flapping alarm made %d entries", n)
	}
	log.tellMinute()
}
