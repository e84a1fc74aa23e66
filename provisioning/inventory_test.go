package provisioning

import (
	"errors"
	"strings"
	"testing"
)

func TestManagedDevice(t *testing.T) {
	good := ManagedDevice{MAC: "805ec0112233", Vendor: VendorYealink, Model: "SIP-T54W", Title: "窓口", Site: "hall", User: "taro", Lines: []DeviceLine{{Extension: "2001", Label: "税務課"}},
		Keys: []DeviceKey{{Kind: KeyBLF, Value: "2002"}, {Kind: KeySpeed, Value: "*117"}}, Language: "ja", LeaseEnd: "2027-03-31"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	if refs := good.Refs(); len(refs) != 3 || refs[2] != (Ref{"lines[0].extension", KindExtension, "2001"}) {
		t.Errorf("%+v", refs)
	}
	for field, change := range map[string]func(*ManagedDevice){
		"mac":                func(d *ManagedDevice) { d.MAC = "80:5e:c0:11:22:33" },
		"vendor":             func(d *ManagedDevice) { d.Vendor = "acme" },
		"model":              func(d *ManagedDevice) { d.Model = "T54<x>" },
		"title":              func(d *ManagedDevice) { d.Title = "a\nb" },
		"lease_end":          func(d *ManagedDevice) { d.LeaseEnd = "2027-02-30" },
		"lines":              func(d *ManagedDevice) { d.Lines = make([]DeviceLine, MaxDeviceLines+1) },
		"lines[0].extension": func(d *ManagedDevice) { d.Lines[0].Extension = "20 01" },
		"lines[0].label":     func(d *ManagedDevice) { d.Lines[0].Label = "a\r\naccount.1.password = x" },
		"lines[1].extension": func(d *ManagedDevice) { d.Lines = append(d.Lines, d.Lines[0]) },
		"keys[0].kind":       func(d *ManagedDevice) { d.Keys[0].Kind = "xml" },
		"keys[1].value":      func(d *ManagedDevice) { d.Keys[1].Value = "2002@elsewhere" },
		"keys":               func(d *ManagedDevice) { d.Keys = make([]DeviceKey, MaxDeviceKeys+1) },
		"language":           func(d *ManagedDevice) { d.Language = "de" },
		"site":               func(d *ManagedDevice) { d.Site = "Hall 1" },
		"user":               func(d *ManagedDevice) { d.User = " " },
	} {
		d := good
		d.Lines, d.Keys = append([]DeviceLine{}, good.Lines...), append([]DeviceKey{}, good.Keys...)
		change(&d)
		var bad *Invalid
		if err := d.Validate(); !errors.As(err, &bad) || bad.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, mac := range []string{"", "000000000000", "ffffffffffff", "805EC0112233", "805ec011223", "805ec01122333", "../../../etc", "805ec011223\x00"} {
		if IsMAC(mac) {
			t.Errorf("%q is taken", mac)
		}
	}
}

func TestDeviceStatus(t *testing.T) {
	s := DeviceStatus{MAC: "805ec0112233", State: DeviceLocked, Why: "紛失", By: "claim"}
	if err := s.Validate(); err != nil || s.InService() {
		t.Fatal(err)
	}
	for field, s := range map[string]DeviceStatus{"mac": {}, "state": {MAC: s.MAC, State: "on"}, "why": {MAC: s.MAC, Why: strings.Repeat("x", 200)}, "by": {MAC: s.MAC, By: "mac"}} {
		var bad *Invalid
		if err := s.Validate(); !errors.As(err, &bad) || bad.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
