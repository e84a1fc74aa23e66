package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"naisen/provisioning"
)

// alarmsTold is what the registry handed on.
func alarmsTold(a *alarms) (take func() []string) {
	var mu sync.Mutex
	var out []string
	f := func(event string, al provisioning.Alarm) {
		mu.Lock()
		defer mu.Unlock()
		out = append(out, event+" "+al.Name+" "+al.Domain+" "+al.Object)
	}
	a.notify.Store(&f)
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		got := out
		out = nil
		return got
	}
}

// TestAlarmLife in virtual time: raised once, counted while it lasts, cleared when quiet, raised again; a state ends when it is cleared.
func TestAlarmLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAlarms(slog.New(slog.DiscardHandler), time.Now)
		events := alarmsTold(a)
		var full atomic.Bool
		var drops atomic.Uint64
		a.watch("disk-full", full.Load)
		a.watchCount("recorder-drops", drops.Load)
		a.start(t.Context())
		defer a.Close()
		step := func(d time.Duration, want ...string) {
			t.Helper()
			<-time.After(d)
			synctest.Wait()
			if got := events(); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("told %q, want %q", got, want)
			}
		}
		for range 5 {
			a.happened("limit-calls", "a.example", "2001", "")
		}
		full.Store(true)
		step(2*time.Second, "alarm.raised limit-calls a.example 2001", "alarm.raised disk-full  ")
		list := a.Alarms("a.example")
		if len(list) != 2 || list[1].Count != 5 || list[0].Count != 1 || list[1].English == "" || list[1].Text == "" || !list[1].Active {
			t.Errorf("%+v", list)
		}
		if other := a.Alarms("b.example"); len(other) != 1 {
			t.Errorf("another domain sees %+v", other)
		}
		drops.Add(1)
		step(alarmQuiet, "alarm.raised recorder-drops  ", "alarm.cleared limit-calls a.example 2001") // the full disk is no event: it stays
		full.Store(false)
		step(2*time.Second, "alarm.cleared disk-full  ", "alarm.cleared recorder-drops  ")
		active, total := map[string]int{}, map[string]uint64{}
		a.each(func(name string, n int, all uint64) { active[name], total[name] = n, all })
		if active["limit-calls"] != 0 || total["limit-calls"] != 5 || total["disk-full"] != 1 {
			t.Errorf("metrics %v %v", active, total)
		}
		a.happened("limit-calls", "a.example", "2001", "")
		step(time.Second, "alarm.raised limit-calls a.example 2001")
		<-time.After(alarmKept + time.Hour)
		synctest.Wait()
		if n := len(a.Alarms("a.example")); n != 0 {
			t.Errorf("%d are still shown a day later", n)
		}
	})
}

func TestAlarmsAreBounded(t *testing.T) {
	a := newAlarms(slog.New(slog.DiscardHandler), time.Now)
	for i := range 5 * alarmBound {
		a.happened("limit-calls", "a.example", fmt.Sprint(i), "")
	}
	if n := len(a.list); n > alarmBound+1 {
		t.Errorf("%d are kept", n)
	}
	if al := a.list[alarmKey{"limit-calls", "", ""}]; al == nil || al.Count != 4*alarmBound {
		t.Errorf("the rest is not counted together: %+v", al)
	}
}

// TestEveryAlarmHasItsText in both languages.
func TestEveryAlarmHasItsText(t *testing.T) {
	for name, text := range alarmTexts {
		if text.en == "" || text.ja == "" {
			t.Error(name)
		}
	}
}

// TestGuessesRaiseAnAlarm at once, sampled or not, and only where the guesses are.
func TestGuessesRaiseAnAlarm(t *testing.T) {
	q := auditQueue(10)
	a := newAlarms(slog.New(slog.DiscardHandler), time.Now)
	q.guessed = newSentry(a, time.Now).guessed
	for i := range manyGuesses {
		if len(a.Alarms("a.example")) != 0 {
			t.Fatalf("raised after %d", i)
		}
		q.failedSignIn("a.example", fmt.Sprint(i), netip.MustParseAddr("192.0.2.66"), "wrong")
	}
	if list := a.Alarms("a.example"); len(list) != 1 || list[0].Name != "sign-in-guesses" || list[0].Detail != "last from 192.0.2.66" {
		t.Errorf("%+v", list)
	}
	if list := a.Alarms("b.example"); len(list) != 0 {
		t.Errorf("another domain: %+v", list)
	}
}

// TestTroubledObjects: an alarm per trunk that is down, cleared when it is up again or no more there; each call for help is told.
func TestTroubledObjects(t *testing.T) {
	a := newAlarms(slog.New(slog.DiscardHandler), time.Now)
	events := alarmsTold(a)
	down := map[[2]string]string{{"a.example", "one"}: "503", {"a.example", "two"}: "no answer"}
	a.watchEach("trunk-down", func() map[[2]string]string { return down })
	look := func() { a.watches[0]() }
	look()
	look()
	if list, got := a.Alarms("a.example"), events(); len(got) != 2 || len(list) != 2 || list[0].Count != 1 {
		t.Errorf("%q %+v", got, list)
	}
	down = map[[2]string]string{{"a.example", "two"}: "no answer"}
	look()
	if got, want := events(), "alarm.cleared trunk-down a.example one"; len(got) != 1 || got[0] != want {
		t.Errorf("%q, want %q", got, want)
	}
	a.happened("emergency-call", "a.example", "2001", "119 at hall")
	a.happened("emergency-call", "a.example", "2001", "110 at hall")
	if got := events(); len(got) != 2 {
		t.Errorf("of two calls for help %q were told", got)
	}
}
