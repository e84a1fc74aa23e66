package device

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// TestFirmwareIsTold: each maker's file, or the one before it, names the firmware of the telephones of a wave, and of no other; only those are given it, and only as long
// as they are told of it.
func TestFirmwareIsTold(t *testing.T) {
	r := newRig(t)
	path := filepath.Join(t.TempDir(), "rom")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := strings.Repeat("a", 64)
	r.Firmware = func(s string) (*os.File, error) {
		if s != sum {
			return nil, fs.ErrNotExist
		}
		return os.Open(path)
	}
	for _, vendor := range provisioning.Vendors() {
		mac := macs[vendor]
		_, file := nameOf(vendor, mac)
		other := mac[:10] + "fe"
		rom := provisioning.Firmware{Name: vendor, Vendor: vendor, Model: "M-1", Version: "9.8.7", File: "m1-9.8.7.rom", SHA256: sum, Size: 10, Waves: []provisioning.FirmwareWave{{Percent: 50}, {Percent: 100}}, Observe: 2, Settle: 1, Least: 90}
		state := provisioning.FirmwareStatus{Name: vendor, State: provisioning.FirmwareRunning, Began: r.now, Members: [][]string{{mac}}}
		var keys, others provisioning.DeviceKeys
		put := func(list ...provisioning.Entity) {
			r.update(func(w provisioning.Writer) error {
				for _, e := range list {
					if _, err := w.Put(ward, e, ""); err != nil {
						return err
					}
				}
				return nil
			})
		}
		put(provisioning.ManagedDevice{MAC: mac, Vendor: vendor, Model: "M-1", Lines: []provisioning.DeviceLine{{Extension: "2001"}}}, provisioning.ManagedDevice{MAC: other, Vendor: vendor, Model: "M-1"}, rom, state)
		r.update(func(w provisioning.Writer) (err error) {
			if keys, err = provisioning.EnsureDeviceKeys(w, ward, mac); err == nil {
				others, err = provisioning.EnsureDeviceKeys(w, ward, other)
			}
			return err
		})
		first := map[string]string{provisioning.VendorPoly: "000000000000.cfg"}[vendor]
		says := func(access, file string) string {
			t.Helper()
			w := r.ask(Path(ward, access) + file)
			if w.Code != http.StatusOK {
				t.Fatalf("%s %s: %d", vendor, file, w.Code)
			}
			r.catchUp()
			return w.Body.String()
		}
		text := says(keys.Access, file)
		if first != "" {
			text += says(keys.Access, first)
		}
		want := map[string]string{provisioning.VendorYealink: "static.firmware.url = https://pbx.example.jp" + Path(ward, keys.Access) + rom.File + "\n", provisioning.VendorPoly: `APP_FILE_PATH="m1-9.8.7.rom"`,
			provisioning.VendorGrandstream: "<P192>pbx.example.jp" + Path(ward, keys.Access) + "</P192>", provisioning.VendorPanasonic: "FIRM_VERSION=\"9.8.7\"\r\nFIRM_FILE_PATH=\"https://pbx.example.jp" + Path(ward, keys.Access) + rom.File + `"`,
			provisioning.VendorCisco: "<Upgrade_Rule>https://pbx.example.jp" + Path(ward, keys.Access) + rom.File + "</Upgrade_Rule>"}[vendor]
		if !strings.Contains(text, want) && !strings.Contains(strings.ReplaceAll(text, "\n", "\r\n"), want) {
			t.Errorf("%s is not told %q:\n%s", vendor, want, text)
		}
		_, theirs := nameOf(vendor, other)
		if text := says(others.Access, theirs); strings.Contains(text, "9.8.7") || strings.Contains(text, rom.File) {
			t.Errorf("%s: who is of no wave is told of it", vendor)
		}
		told := r.dir.Snapshot().DeviceStatus(ward, mac).Told
		expect := func(what, access string, code int) {
			t.Helper()
			if w := r.ask(Path(ward, access) + rom.File); w.Code != code || code == 200 && w.Body.String() != "0123456789" {
				t.Errorf("%s %s: %d %s", vendor, what, w.Code, w.Body)
			}
		}
		expect("of the wave", keys.Access, 200)
		expect("of no wave", others.Access, 404)
		if w := r.ask(Path(ward, keys.Access) + "other.rom"); w.Code != 404 {
			t.Errorf("another file: %d", w.Code)
		}
		if w := r.ask(Path(ward, "") + rom.File); w.Code == 200 {
			t.Errorf("without any proof: %d", w.Code)
		}
		state.State = provisioning.FirmwareHalted
		put(state)
		expect("halted", keys.Access, 404)
		if says(keys.Access, file); r.dir.Snapshot().DeviceStatus(ward, mac).Told == told {
			t.Errorf("%s: what it is told is the same with firmware and without: nobody lets it ask", vendor)
		}
		state.State = provisioning.FirmwareRunning
		put(state, provisioning.DeviceStatus{MAC: mac, State: provisioning.DeviceQuarantined, Since: r.now.UTC().Truncate(time.Second)})
		expect("in quarantine", keys.Access, 404)
		rom.SHA256 = strings.Repeat("b", 64)
		put(rom, provisioning.DeviceStatus{MAC: mac})
		expect("not uploaded here", keys.Access, 404)
	}
}

// TestFirmwareAtOnce: so many downloads at a time, and the next one waits; a telephone that was cut off goes on where it was.
func TestFirmwareAtOnce(t *testing.T) {
	r := newRig(t)
	path := filepath.Join(t.TempDir(), "rom")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.Firmware = func(string) (*os.File, error) { return os.Open(path) }
	mac := macs[provisioning.VendorYealink]
	var keys provisioning.DeviceKeys
	r.update(func(w provisioning.Writer) (err error) {
		for _, e := range []provisioning.Entity{provisioning.ManagedDevice{MAC: mac, Vendor: provisioning.VendorYealink, Model: "M-1"},
			provisioning.Firmware{Name: "x", Vendor: provisioning.VendorYealink, Model: "M-1", Version: "1", File: "x.rom", SHA256: strings.Repeat("a", 64), Size: 10, Waves: []provisioning.FirmwareWave{{Percent: 100}}, Observe: 2, Settle: 1, Least: 90},
			provisioning.FirmwareStatus{Name: "x", State: provisioning.FirmwareDone, Began: r.now}} {
			if _, err := w.Put(ward, e, ""); err != nil {
				return err
			}
		}
		keys, err = provisioning.EnsureDeviceKeys(w, ward, mac)
		return err
	})
	for range romsAtOnce {
		r.roms <- struct{}{}
	}
	if w := r.ask(Path(ward, keys.Access) + "x.rom"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d", w.Code)
	}
	<-r.roms
	if w := r.ask(Path(ward, keys.Access) + "x.rom"); w.Code != 200 || w.Header().Get("Accept-Ranges") != "bytes" || len(r.roms) != romsAtOnce-1 {
		t.Errorf("%d %v, %d at once", w.Code, w.Header(), len(r.roms))
	}
}
