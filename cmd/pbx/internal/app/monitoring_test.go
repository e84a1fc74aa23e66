package app

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/provisioning"
	"naisen/sip"
)

// fakeMonitors allow what is not refused, and remember what was written.
type fakeMonitors struct {
	refuse  error
	written []string
}

func (m *fakeMonitors) Begin(_ context.Context, w Wish) (Monitor, error) {
	if m.refuse != nil {
		return nil, m.refuse
	}
	m.written = append(m.written, fmt.Sprintf("%s hears %s: %s", w.Supervisor, w.Agent, w.Mode))
	return m, nil
}
func (m *fakeMonitors) Room(call.Program) call.Room { return nil }
func (m *fakeMonitors) Change(_ context.Context, mode string) error {
	if m.refuse == nil {
		m.written = append(m.written, mode)
	}
	return m.refuse
}
func (m *fakeMonitors) End(context.Context) { m.written = append(m.written, "end") }

// monitored begins the script of a code.
func monitored(m *fakeMonitors, feature string) (call.Script, call.Facts, []call.Order) {
	run := route.Run{Verb: route.VerbFeature, Name: feature, For: "2003", Data: map[string]string{route.Argument: "2001"}}
	s, _ := Programs{Monitors: m}.Script("d", run)
	f := call.Facts{Call: "c", Domain: "d", Extension: "2003", Run: run}
	return s, f, s.On(f, call.Began{})
}

// gate is the gate of the Enter among orders.
func gate(orders []call.Order) (media.Gate, bool) {
	for _, o := range orders {
		if e, ok := o.(call.Enter); ok {
			return e.Gate, true
		}
	}
	return media.GateNone, false
}

// TestMonitoring: nothing is entered before it is written down, neither the first time nor another mode.
func TestMonitoring(t *testing.T) {
	m := &fakeMonitors{}
	s, f, orders := monitored(m, provisioning.FeatureListen)
	if _, in := gate(orders); in || len(m.written) != 0 {
		t.Fatal("it is in before it asked")
	}
	orders = s.On(f, work(t, orders))
	if _, in := gate(orders); in {
		t.Fatal("it is in before its mode was said")
	}
	if g, in := gate(s.On(f, call.Played{Complete: true})); !in || g != media.GateListen {
		t.Fatalf("listen: %v %v", g, in)
	}
	for _, c := range []struct {
		key  string
		gate media.Gate
	}{{"6", media.GateBoth}, {"5", media.GateWhisper}, {"4", media.GateListen}} {
		orders := s.On(f, call.Gathered{Keys: call.NewKeys(c.key, false)})
		if _, in := gate(orders); in {
			t.Errorf("%s holds before it is written down", c.key)
		}
		if g, in := gate(s.On(f, work(t, orders))); !in || g != c.gate {
			t.Errorf("%s: %v %v", c.key, g, in)
		}
	}
	m.refuse = ErrNotAllowed
	if g, in := gate(s.On(f, work(t, s.On(f, call.Gathered{Keys: call.NewKeys("6", false)})))); in {
		t.Errorf("a mode that is not allowed: %v", g)
	}
	m.refuse = errors.New("disk full")
	if o := s.On(f, work(t, s.On(f, call.Gathered{Keys: call.NewKeys("6", false)}))); o[0] != (call.Finish{Cause: sip.CauseServerError}) {
		t.Errorf("without an audit log: %v", o)
	}
	work(t, s.On(f, call.Left{}))
	if got := fmt.Sprint(m.written); got != "[2003 hears 2001: listen barge whisper listen end]" {
		t.Errorf("written: %s", got)
	}
}

// TestMonitoringOfAnImpatientOne: who hangs up before the answer came leaves an end all the same, and who was refused none.
func TestMonitoringOfAnImpatientOne(t *testing.T) {
	for _, refuse := range []error{nil, ErrNoCall} {
		m := &fakeMonitors{refuse: refuse}
		s, f, orders := monitored(m, provisioning.FeatureBarge)
		last := s.On(f, call.Left{})
		work(t, orders)
		work(t, last)
		if got, want := fmt.Sprint(m.written), map[bool]string{true: "[2003 hears 2001: barge end]", false: "[]"}[refuse == nil]; got != want {
			t.Errorf("written: %s", got)
		}
	}
}
