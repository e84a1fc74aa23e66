package unbox

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// desk is a telephone that runs: it registers, looks when it is asked, takes firmware that it is told of, and starts with it, if it starts.
type desk struct {
	Phone
	office  *office
	account Account
	server  string

	mu      sync.Mutex
	version string
	dead    bool
}

// roms is what files of firmware do with a telephone, by their content.
const (
	goodRom = "firmware 97 that works"
	badRom  = "firmware 98 that does not start"
)

func (d *desk) runs() (version string, dead bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.version, d.dead
}

// live registers until it is switched off, for good or by firmware that does not start.
func (d *desk) live(ctx context.Context) error {
	for {
		d.Phone.Version, _ = d.runs()
		c, err := d.Register(ctx, d.account, d.office.TLS)
		if err != nil {
			return err
		}
		stop := context.AfterFunc(ctx, func() { _ = Close(c) })
		if err := c.SetDeadline(time.Time{}); err != nil {
			return err
		}
		again, err := d.wait(ctx, c)
		stop()
		if err := Close(c); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil || !again {
			return err
		}
	}
}

// wait looks each time it is asked; true: it starts anew.
func (d *desk) wait(ctx context.Context, c net.Conn) (again bool, err error) {
	for {
		asked, err := d.Asked(c)
		if err != nil || !asked {
			return false, err
		}
		told, err := d.Look(ctx, d.server)
		if err != nil || told.Firmware == "" {
			continue // it looks again the next time
		}
		rom, err := d.Fetch(ctx, told.Firmware)
		if err != nil {
			continue
		}
		d.mu.Lock()
		before := d.version
		d.version, d.dead = map[string]string{goodRom: "SIP-T54W 97.1.0.1", badRom: "SIP-T54W 98.0.0.1"}[string(rom)], string(rom) == badRom
		now, dead := d.version, d.dead
		d.mu.Unlock()
		if now != before || dead {
			return !dead, nil
		}
	}
}

// catalogue puts a firmware with its file, and begins its roll-out.
func (o *office) catalogue(ctx context.Context, name, version, rom string) {
	o.t.Helper()
	sum := sha256.Sum256([]byte(rom))
	entry := map[string]any{"vendor": "yealink", "model": "SIP-T54W", "version": version, "file": name + ".rom", "sha256": hex.EncodeToString(sum[:]), "size": len(rom), "waves": []map[string]int{{"percent": 20}, {"percent": 100}},
		"observe_seconds": 2, "settle_seconds": 1, "least_percent": 100}
	if err := o.ask(ctx, http.MethodPut, "firmware/"+name, entry, nil); err != nil {
		o.t.Fatal(err)
	}
	if status, answer, err := o.Do(ctx, http.MethodPut, "firmware/"+name+"/file", []byte(rom)); err != nil || status != http.StatusNoContent {
		o.t.Fatal(status, string(answer), err)
	}
	if err := o.ask(ctx, http.MethodPost, "firmware/"+name+"/rollout", map[string]string{"do": "start"}, nil); err != nil {
		o.t.Fatal(err)
	}
}

// rolled waits until a roll-out is in a state.
func (o *office) rolled(ctx context.Context, name, state string) (members [][]string) {
	o.t.Helper()
	for {
		var got struct {
			State, Why string
			Members    [][]string
		}
		if err := o.ask(ctx, http.MethodGet, "firmware/"+name+"/status", nil, &got); err != nil {
			o.t.Fatal(err)
		}
		if got.State == state {
			return got.Members
		}
		select {
		case <-ctx.Done():
			o.t.Fatalf("%s is %s (%s), not %s", name, got.State, got.Why, state)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// TestFirmwareInWaves: ten telephones take firmware in two waves without anybody touching them; with one that does not start, the first wave is all that is lost.
func TestFirmwareInWaves(t *testing.T) {
	o := newOffice(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var desks []*desk
	for i := range 10 {
		number, mac := fmt.Sprint(3500+i), fmt.Sprintf("805ec0a0%04x", i+1)
		if err := errors.Join(o.ask(ctx, "PUT", "extensions/"+number, map[string]any{"display": number}, nil),
			o.ask(ctx, "PUT", "devices/"+mac, map[string]any{"vendor": "yealink", "model": "SIP-T54W", "lines": []map[string]string{{"extension": number}}}, nil)); err != nil {
			t.Fatal(err)
		}
		var claim struct{ URL string }
		if err := o.ask(ctx, "POST", "devices/"+mac+"/claim", nil, &claim); err != nil {
			t.Fatal(err)
		}
		d := &desk{Phone: Phone{Vendor: "yealink", MAC: mac, TLS: &tls.Config{RootCAs: o.believe}}, office: o, version: "SIP-T54W 96.86.0.20"}
		var err error
		if d.account, err = d.Unbox(ctx, claim.URL); err != nil {
			t.Fatal(err)
		}
		d.server = d.account.Server
		desks = append(desks, d)
	}
	life, off := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for _, d := range desks {
		wg.Go(func() {
			if err := d.live(life); err != nil && life.Err() == nil {
				t.Error(d.MAC, err)
			}
		})
	}
	defer wg.Wait()
	defer off()
	registered := func(n int) {
		t.Helper()
		for {
			count := 0
			for _, d := range desks {
				var report struct{ Registrations []struct{ Agent string } }
				if err := o.ask(ctx, "GET", "devices/"+d.MAC+"/report", nil, &report); err != nil {
					t.Fatal(err)
				}
				count += min(len(report.Registrations), 1)
			}
			if count == n {
				return
			}
			select {
			case <-ctx.Done():
				t.Fatalf("%d are registered, not %d", count, n)
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	registered(len(desks))
	began := time.Now()
	o.catalogue(ctx, "v97", "97.1.0.1", goodRom)
	members := o.rolled(ctx, "v97", "done")
	if len(members) != 2 || len(members[0]) != 2 || len(members[1]) != 8 {
		t.Fatal(members)
	}
	for _, d := range desks {
		if version, dead := d.runs(); version != "SIP-T54W 97.1.0.1" || dead {
			t.Errorf("%s runs %s", d.MAC, version)
		}
	}
	t.Logf("ten telephones in two waves in %v", time.Since(began).Round(time.Millisecond))
	o.catalogue(ctx, "v98", "98.0.0.1", badRom)
	members = o.rolled(ctx, "v98", "halted")
	if len(members) != 1 || len(members[0]) != 2 {
		t.Fatal(members)
	}
	for _, d := range desks {
		version, dead := d.runs()
		if lost := slices.Contains(members[0], d.MAC); dead != lost || lost == strings.Contains(version, "97") {
			t.Errorf("%s of the first wave %v: dead %v, runs %s", d.MAC, lost, dead, version)
		}
	}
	registered(8)
	o.alarmed(ctx, "firmware-halted")
}

// alarmed waits until an alarm stands, with what it says.
func (o *office) alarmed(ctx context.Context, name string) {
	o.t.Helper()
	for {
		var alarms struct {
			Items []struct {
				Name, Ja string
				Active   bool
			}
		}
		if err := o.ask(ctx, "GET", "/v1/alarms", nil, &alarms); err != nil {
			o.t.Fatal(err)
		}
		for _, a := range alarms.Items {
			if a.Name == name && a.Active && a.Ja != "" {
				return
			}
		}
		select {
		case <-ctx.Done():
			o.t.Fatalf("no alarm: %+v", alarms.Items)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
