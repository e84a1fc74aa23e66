package provisioning

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func rom(name string, waves ...FirmwareWave) Firmware {
	return Firmware{Name: name, Vendor: VendorYealink, Model: "SIP-T54W", Version: "96.86.0.70", File: "T54W-96.86.0.70.rom", SHA256: strings.Repeat("a", 64), Size: 10, Waves: waves, Observe: 600, Settle: 60, Least: 90}
}

func fleetOf(n int, site func(i int) string) (all []ManagedDevice) {
	for i := range n {
		all = append(all, ManagedDevice{MAC: fmt.Sprintf("805ec0%06x", i+1), Vendor: VendorYealink, Model: "SIP T54W", Site: site(i)})
	}
	return append(all, ManagedDevice{MAC: "0004f2000001", Vendor: VendorPoly, Model: "SIP-T54W"}, ManagedDevice{MAC: "805ec0f00001", Vendor: VendorYealink, Model: "SIP-T31P"})
}

// TestFirmwareWaves: a telephone is of one wave, percents count all of the model with the waves before, rounded up, and sites take theirs.
func TestFirmwareWaves(t *testing.T) {
	all := fleetOf(41, func(i int) string { return []string{"main", "branch"}[i%2] })
	for name, c := range map[string]struct {
		waves []FirmwareWave
		want  []int
	}{
		"percents":          {[]FirmwareWave{{Percent: 1}, {Percent: 10}, {Percent: 100}}, []int{1, 4, 36}},
		"a site, then all":  {[]FirmwareWave{{Sites: []string{"branch"}}, {Percent: 100}}, []int{20, 21}},
		"a site in the way": {[]FirmwareWave{{Percent: 50}, {Sites: []string{"branch"}}, {Percent: 100}}, []int{21, -1, -1}},
		"not all of them":   {[]FirmwareWave{{Percent: 10}}, []int{5}},
	} {
		f, s := rom("r", c.waves...), FirmwareStatus{}
		seen := map[string]bool{}
		for i := range f.Waves {
			macs := s.Wave(f, all)
			if c.want[i] >= 0 && len(macs) != c.want[i] {
				t.Errorf("%s: wave %d has %d, want %d", name, i+1, len(macs), c.want[i])
			}
			for _, mac := range macs {
				if seen[mac] || !strings.HasPrefix(mac, "805ec00") {
					t.Errorf("%s: %s in wave %d", name, mac, i+1)
				}
				seen[mac] = true
			}
			if again := s.Wave(f, all); !slices.Equal(again, macs) {
				t.Errorf("%s: the wave is another one when asked again", name)
			}
			s.Members = append(s.Members, macs)
		}
		if macs := s.Wave(f, all); macs != nil {
			t.Errorf("%s: a wave after the last: %v", name, macs)
		}
		if c.waves[len(c.waves)-1].Percent == 100 && len(seen) != 41 {
			t.Errorf("%s: %d of 41", name, len(seen))
		}
	}
	if a, b := (FirmwareStatus{}).Wave(rom("a", FirmwareWave{Percent: 10}), all), (FirmwareStatus{}).Wave(rom("b", FirmwareWave{Percent: 10}), all); slices.Equal(a, b) {
		t.Error("the same telephones are always the first")
	}
}

// TestFirmwareSteps: waves begin in the window, wait for the observation and for the version, and stop where telephones are missing.
func TestFirmwareSteps(t *testing.T) {
	f := rom("r", FirmwareWave{Percent: 10}, FirmwareWave{Percent: 100})
	f.From, f.Until = "22:00", "05:00"
	night := time.Date(2027, 4, 1, 22, 0, 0, 0, time.UTC)
	f.NotBefore = night
	s, next := FirmwareStatus{Name: "r", State: FirmwareRunning}, FirmwareCount{Devices: 10, Registered: 10}
	step := func(want string, at time.Time, now FirmwareCount) {
		t.Helper()
		var got string
		if s, got = s.Step(f, now, next, []string{"805ec0000001"}, at); got != want {
			t.Fatalf("at %v: %q, want %q", at, got, want)
		}
	}
	all, some, none := FirmwareCount{10, 10, 10}, FirmwareCount{10, 10, 3}, FirmwareCount{10, 0, 0}
	step("", night.Add(-time.Minute), none)
	step("", night.AddDate(0, 0, -1), none) // in the window, before the day
	step("firmware.wave", night, none)
	step("", night.Add(30*time.Second), none) // they are away to take it
	step("", night.Add(2*time.Minute), some)
	step("", night.Add(11*time.Minute), some) // not enough have it
	kept := s
	step("firmware.halted", night.Add(20*time.Minute), some)
	if !strings.Contains(s.Why, "3 of 10") || s.State != FirmwareHalted {
		t.Errorf("%+v", s)
	}
	step("", night.Add(time.Hour), all) // halted stays halted
	s = kept
	step("firmware.halted", night.Add(2*time.Minute), FirmwareCount{10, 8, 8})
	s = kept
	step("", night.Add(2*time.Minute), FirmwareCount{10, 9, 9})
	step("", night.Add(10*time.Hour), all) // in the morning no wave begins
	step("firmware.wave", night.AddDate(0, 0, 1), all)
	if len(s.Members) != 2 {
		t.Fatal(s)
	}
	step("", night.AddDate(0, 0, 1).Add(9*time.Minute), all)
	step("firmware.done", night.AddDate(0, 0, 1).Add(13*time.Hour), all) // an end may be at any time
	step("", night.AddDate(0, 0, 2), none)
}

// TestFirmwareOf: what a telephone is told in each state.
func TestFirmwareOf(t *testing.T) {
	old, now := rom("old", FirmwareWave{Percent: 100}), rom("now", FirmwareWave{Percent: 10}, FirmwareWave{Percent: 50})
	now.Previous = "old"
	all := map[string]Firmware{"old": old, "now": now}
	first, second, third := ManagedDevice{MAC: "805ec0000001", Vendor: VendorYealink, Model: "T54W"}, ManagedDevice{MAC: "805ec0000002", Vendor: VendorYealink, Model: "SIP-T54W"}, ManagedDevice{MAC: "805ec0000003", Vendor: VendorYealink, Model: "SIP-T54W"}
	first.Model = "SIP-T54W"
	began := time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)
	members := [][]string{{first.MAC}, {second.MAC}}
	for _, c := range []struct {
		state, want string // of the three telephones
		before      bool   // old is done
	}{
		{"", "- - -", false}, {"", "old old old", true}, {FirmwareRunning, "now now -", false}, {FirmwareRunning, "now now old", true}, {FirmwareHalted, "now - -", false}, {FirmwareHalted, "now - old", true},
		{FirmwareDone, "now now -", false}, {FirmwareRolledBack, "old old -", false}, {FirmwareRolledBack, "old old old", true},
	} {
		states := map[string]FirmwareStatus{"now": {Name: "now", State: c.state, Began: began, Members: members}}
		if c.before {
			states["old"] = FirmwareStatus{Name: "old", State: FirmwareDone, Began: began.Add(-time.Hour)}
		}
		var got []string
		for _, d := range []ManagedDevice{first, second, third} {
			f, ok := FirmwareOf(d, all, states)
			if ok != (f.Name != "") {
				t.Error(f, ok)
			}
			got = append(got, map[bool]string{true: f.Name, false: "-"}[ok])
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q, the one of before done %v: %v, want %s", c.state, c.before, got, c.want)
		}
	}
	first.Model = "SIP-T31P"
	if f, ok := FirmwareOf(first, all, map[string]FirmwareStatus{"now": {State: FirmwareRunning, Members: members}}); ok {
		t.Errorf("another model is told %s", f.Name)
	}
}

// TestFirmwareValidate names what cannot be.
func TestFirmwareValidate(t *testing.T) {
	good := rom("r", FirmwareWave{Percent: 10}, FirmwareWave{Sites: []string{"main"}}, FirmwareWave{Percent: 100})
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*Firmware){
		"vendor": func(f *Firmware) { f.Vendor = "acme" }, "model": func(f *Firmware) { f.Model = "" }, "version": func(f *Firmware) { f.Version = `1"2` }, "file": func(f *Firmware) { f.File = "../x" },
		"sha256": func(f *Firmware) { f.SHA256 = "A" }, "size": func(f *Firmware) { f.Size = MaxFirmware + 1 }, "previous": func(f *Firmware) { f.Previous = "r" }, "waves": func(f *Firmware) { f.Waves = nil },
		"waves[1].percent": func(f *Firmware) { f.Waves = []FirmwareWave{{Percent: 10}, {Percent: 10}} }, "waves[0]": func(f *Firmware) { f.Waves = []FirmwareWave{{}} }, "until": func(f *Firmware) { f.From = "22:00" },
		"from": func(f *Firmware) { f.From, f.Until = "25:00", "05:00" }, "observe_seconds": func(f *Firmware) { f.Observe = 0 }, "settle_seconds": func(f *Firmware) { f.Settle = 600 }, "least_percent": func(f *Firmware) { f.Least = 101 },
	} {
		f := good
		change(&f)
		var invalid *Invalid
		if err := f.Validate(); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
