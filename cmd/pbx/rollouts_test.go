package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip/siptest"
)

// TestRollout: firmware reaches telephones wave by wave, by their configuration; where they do not come back it stops, says so, and can be taken back.
func TestRollout(t *testing.T) {
	t.Parallel()
	l, client := deviceLab(t), trusting()
	domain, v := l.p.config.Domain, l.p.rollouts
	const file = "the firmware itself"
	sum := sha256.Sum256([]byte(file))
	rom := provisioning.Firmware{Name: "t54w-97", Vendor: provisioning.VendorYealink, Model: "SIP-T54W", Version: "97.1.2.3", File: "T54W.rom", SHA256: hex.EncodeToString(sum[:]), Size: int64(len(file)),
		Waves: []provisioning.FirmwareWave{{Percent: 25}, {Percent: 100}}, Observe: 600, Settle: 60, Least: 60}
	l.put(rom)
	var invalid *provisioning.Invalid
	if err := v.PutFirmware(t.Context(), rom, strings.NewReader("something else")); !errors.As(err, &invalid) {
		t.Errorf("another file: %v", err)
	}
	if err := v.PutFirmware(t.Context(), rom, strings.NewReader(file)); err != nil || !v.HasFirmware(rom) {
		t.Fatal(err)
	}
	const n = 4
	macs, keys, phones := make([]string, n), map[string]provisioning.DeviceKeys{}, map[string]*siptest.Phone{}
	registers := func(mac, version string) {
		t.Helper()
		p := phones[mac]
		r := unlike(p, p.NewRequest("REGISTER", ""))
		r.Set("Expires", map[bool]string{true: "0", false: "300"}[version == ""])
		r.Set("User-Agent", "Yealink SIP-T54W "+version)
		if _, resp := p.Do(r); resp.Status != 200 {
			t.Fatal(resp.Status)
		}
	}
	for i := range n {
		number, mac := fmt.Sprint(2101+i), fmt.Sprintf("805ec011%04x", i+1)
		macs[i] = mac
		l.put(provisioning.Extension{Number: number, AllowMD5: true, Media: "srtp-preferred"}, provisioning.ManagedDevice{MAC: mac, Vendor: provisioning.VendorYealink, Model: "SIP-T54W", Lines: []provisioning.DeviceLine{{Extension: number}}})
		l.update(func(w provisioning.Writer) (err error) {
			keys[mac], err = provisioning.EnsureDeviceKeys(w, domain, mac)
			return err
		})
		p := siptest.NewPhone(t, number, l.socket(netip.MustParseAddr("127.0.0.1")), l.at("udp"))
		p.Domain, p.Auth = domain, siptest.Digest(provisioning.DeviceLogin(number, mac, keys[mac].Current.Generation), keys[mac].Current.Secret)
		phones[mac] = p
		registers(mac, "96.0.0.1")
	}
	state := func() provisioning.FirmwareStatus { return l.p.directory.Snapshot().Rollout(domain, rom.Name) }
	steer := func(what string) {
		t.Helper()
		l.update(func(w provisioning.Writer) error {
			_, err := provisioning.SteerFirmware(w, domain, rom.Name, what, "", v.FirmwareCount(domain, rom.Name).Registered, time.Now())
			return err
		})
	}
	told := func(mac string) bool {
		t.Helper()
		at := "/device/" + domain + "/" + keys[mac].Access + "/"
		status, text := l.fetch(client, at+mac+".cfg")
		named := strings.Contains(text, "static.firmware.url = https://"+l.p.devicesAt()+at+rom.File+"\n")
		given, got := l.fetch(client, at+rom.File)
		if status != 200 || named != (given == 200) || named && got != file {
			t.Fatalf("%d, named %v, given %d", status, named, given)
		}
		return named
	}
	turn := func(after time.Duration) {
		t.Helper()
		if err := v.round(t.Context(), time.Now().Add(after)); err != nil {
			t.Fatal(err)
		}
	}
	steer(provisioning.FirmwareStart)
	waitFor(t, func() bool { return len(state().Members) == 1 }) // by the worker itself
	first := state().Members[0]
	if len(first) != 1 || state().Before != 1 {
		t.Fatalf("%+v", state())
	}
	for _, mac := range macs {
		if told(mac) != slices.Contains(first, mac) {
			t.Errorf("%s, wave %v", mac, first)
		}
	}
	report := func(mac string) string {
		r, err := l.p.fleet.Report(domain, mac)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(r.Drift, ",")
	}
	if !strings.Contains(report(first[0]), "firmware 97.1.2.3") {
		t.Errorf("the report: %s", report(first[0]))
	}
	turn(11 * time.Minute)
	if s := state(); s.State != provisioning.FirmwareRunning || len(s.Members) != 1 {
		t.Fatalf("the next wave begins while nobody has it: %+v", s)
	}
	registers(first[0], "97.1.2.3")
	if strings.Contains(report(first[0]), "firmware") {
		t.Errorf("the report: %s", report(first[0]))
	}
	turn(11 * time.Minute)
	waitFor(t, func() bool { return len(state().Members) == 2 })
	second := state().Members[1]
	if len(second) != 3 || state().Before != 3 {
		t.Fatalf("%+v", state())
	}
	registers(second[0], "97.1.2.3")
	registers(second[1], "") // gone
	registers(second[2], "")
	turn(11*time.Minute + 30*time.Second) // the second wave began 11 minutes from now: it is let be for a minute
	if state().State != provisioning.FirmwareRunning {
		t.Fatal("it does not let them take it")
	}
	turn(13 * time.Minute)
	waitFor(t, func() bool { return state().State == provisioning.FirmwareHalted })
	if s := state(); !strings.Contains(s.Why, "1 of 3") {
		t.Errorf("%+v", s)
	}
	alarmed := func() bool {
		return slices.ContainsFunc(l.p.alarms.Alarms(domain), func(a provisioning.Alarm) bool {
			return a.Name == "firmware-halted" && a.Object == rom.Name && a.Active && a.Text != "" && a.English != ""
		})
	}
	waitFor(t, alarmed)
	if !told(first[0]) || told(second[0]) || told(second[2]) {
		t.Error("halted: those of the wave are told of it still, or those of the one before are not")
	}
	steer(provisioning.FirmwareRollBack)
	if told(first[0]) || told(second[0]) {
		t.Error("rolled back, and told of it")
	}
	waitFor(t, func() bool { return !alarmed() })
	for action, want := range map[string]int{"firmware.wave": 2, "firmware.halted": 1} {
		l.heard(t, action, want)
	}
}
