package registrar

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// seen drains a watch: "event user" in order.
func seen(w *Watch) string {
	var out []string
	for {
		select {
		case c := <-w.C():
			out = append(out, string(c.Event)+" "+c.Binding.Contact.User)
		default:
			return strings.Join(out, ", ")
		}
	}
}

func TestWatchTellsEveryChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{MaxContacts: 2})
		if err := b.r.Start(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		defer b.r.Close(t.Context())
		w := b.r.Watch(16)
		step := func(want string) {
			t.Helper()
			if got := seen(w); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		b.expect(200, udp, "Contact: <sip:a@192.0.2.1>;expires=60")
		b.expect(200, udp, "Contact: <sip:a@192.0.2.1>;expires=60")
		step("registered a, refreshed a")
		pass(61 * time.Second)
		step("expired a")
		connection := tcp()
		b.expect(200, connection, "Contact: <sip:b@192.0.2.1>")
		b.r.FlowClosed(connection.flow)
		step("registered b, deactivated b")
		for _, user := range []string{"c", "d", "e"} {
			b.expect(200, udp, "Contact: <sip:"+user+"@192.0.2.1>")
		}
		step("registered c, registered d, registered e, probation c")
		b.expect(200, udp, "Contact: <sip:d@192.0.2.1>;expires=0")
		b.r.Remove(aor, EventRejected)
		step("unregistered d, rejected e")
		if got := len(b.r.Bindings(aor)); got != 0 {
			t.Errorf("%d bindings left", got)
		}
		w.Close()
		b.expect(200, udp, "Contact: <sip:f@192.0.2.1>")
		step("")
	})
}

func TestWatchIsBounded(t *testing.T) {
	b := newBench(t, Config{})
	slow := b.r.Watch(2)
	for range 5 {
		b.expect(200, udp, "Contact: <sip:a@192.0.2.1>")
	}
	if got := seen(slow); got != "registered a, refreshed a" || slow.Lost() != 3 {
		t.Errorf("%s, lost %d", got, slow.Lost())
	}
	for range maxWatches - 1 {
		b.r.Watch(1)
	}
	if b.r.Watch(1) != nil {
		t.Error("no bound on watches")
	}
}

func TestWatchAfterRestart(t *testing.T) {
	first := newBench(t, Config{})
	table := &memory{rows: map[recordKey]Record{}}
	first.r.saver.table = table
	first.expect(200, udp, "Contact: <sip:a@192.0.2.1>")
	if err := first.r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := New(Config{}, table, slog.New(slog.DiscardHandler))
	w := again.Watch(4)
	if err := again.Start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	defer again.Close(t.Context())
	if got := seen(w); got != "created a" {
		t.Error(got)
	}
}
