package provisioning

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Kinds of secrets of a ManagedDevice; key: its MAC.
const (
	SecretDeviceKeys        = KindDevice + "/keys"        // DeviceKeys.Encode
	SecretDeviceParticulars = KindDevice + "/particulars" // DeviceParticulars as JSON
)

// DeviceParticulars are what of a device could be misused, and is sealed: a maker's redirection service hands a telephone to who knows its serial number.
type DeviceParticulars struct {
	Serial   string `json:"serial,omitempty"`
	Contract string `json:"contract,omitempty" doc:"Of the lease or purchase"`
	Note     string `json:"note,omitempty"`
}

// Validate says the first field that cannot be accepted.
func (p DeviceParticulars) Validate() error {
	var c check
	c.text("serial", p.Serial)
	c.text("contract", p.Contract)
	c.text("note", p.Note)
	return c.result()
}

// RotationPatience is how long a device has to take its new SIP password: until then, or until it has registered with it, the one of before counts too.
const RotationPatience = 72 * time.Hour

// DevicePassword is a SIP password of 128 random bits that no other device has. Generation stands in the name that the device authenticates as, so that the
// switch knows which password of the two it shows.
type DevicePassword struct {
	Generation string
	Secret     string
}

// DeviceKeys are what a device proves itself with. They are sealed, and never shown but in the device's own configuration: they print as "[redacted]".
type DeviceKeys struct {
	Access  string // path element under which the device fetches its configuration again: its MAC and 130 random bits
	Current DevicePassword
	Next    *DevicePassword // what its configuration has; nil: Current
	Until   time.Time       // where there is Next: Current ends then, or when the device registers with Next
}

func (DeviceKeys) String() string                   { return "[redacted]" }
func (DeviceKeys) Format(f fmt.State, _ rune)       { _, _ = f.Write([]byte("[redacted]")) } // every verb, %d too
func (DeviceKeys) LogValue() slog.Value             { return slog.StringValue("[redacted]") }
func (DeviceKeys) MarshalJSON() ([]byte, error)     { return []byte(`"[redacted]"`), nil }
func (DevicePassword) String() string               { return "[redacted]" }
func (DevicePassword) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte("[redacted]")) }
func (DevicePassword) LogValue() slog.Value         { return slog.StringValue("[redacted]") }
func (DevicePassword) MarshalJSON() ([]byte, error) { return []byte(`"[redacted]"`), nil }

type deviceKeysJSON struct {
	Access  string    `json:"access"`
	Current [2]string `json:"current"` // generation, password
	Next    [2]string `json:"next,omitzero"`
	Until   time.Time `json:"until,omitzero"`
}

// Encode is the form that is sealed.
func (k DeviceKeys) Encode() []byte {
	j := deviceKeysJSON{Access: k.Access, Current: [2]string{k.Current.Generation, k.Current.Secret}, Until: k.Until}
	if k.Next != nil {
		j.Next = [2]string{k.Next.Generation, k.Next.Secret}
	}
	b, err := json.Marshal(j)
	if err != nil { // strings and a time: cannot fail
		return nil
	}
	return b
}

// DecodeDeviceKeys reads what Encode wrote.
func DecodeDeviceKeys(b []byte) (DeviceKeys, error) {
	var j deviceKeysJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return DeviceKeys{}, errors.New("provisioning: keys of a device are not readable") // the cause could quote them
	}
	k := DeviceKeys{Access: j.Access, Current: DevicePassword{j.Current[0], j.Current[1]}, Until: j.Until}
	if j.Next[0] != "" {
		k.Next = &DevicePassword{j.Next[0], j.Next[1]}
	}
	return k, nil
}

// generationSize is the length of a generation. It tells two passwords of one device from each other, and is no secret.
const generationSize = 6

func newDevicePassword() DevicePassword {
	return DevicePassword{Generation: strings.ToLower(rand.Text()[:generationSize]), Secret: strings.ToLower(rand.Text())}
}

// NewDeviceKeys makes those of a device.
func NewDeviceKeys(mac string) DeviceKeys {
	return DeviceKeys{Access: mac + strings.ToLower(rand.Text()), Current: newDevicePassword()}
}

// Configured is the password that the device's configuration has.
func (k DeviceKeys) Configured() DevicePassword {
	if k.Next != nil {
		return *k.Next
	}
	return k.Current
}

// Password of a generation, if it counts at a moment, and until when; zero: no end is known.
func (k DeviceKeys) Password(generation string, now time.Time) (p DevicePassword, until time.Time, ok bool) {
	switch {
	case generation == "":
		return DevicePassword{}, time.Time{}, false
	case k.Next != nil && generation == k.Next.Generation:
		return *k.Next, time.Time{}, true
	case generation != k.Current.Generation:
		return DevicePassword{}, time.Time{}, false
	case k.Next != nil:
		return k.Current, k.Until, now.Before(k.Until)
	}
	return k.Current, time.Time{}, true
}

// rotated brings in a new password. One that is on its way already stays: the device may have it.
func (k DeviceKeys) rotated(now time.Time) DeviceKeys {
	if k.Next == nil {
		next := newDevicePassword()
		k.Next, k.Until = &next, now.Add(RotationPatience).UTC().Truncate(time.Second)
	}
	return k
}

// DeviceKeysOf reads a device's keys. ErrNotFound: it has none yet, or no more.
func DeviceKeysOf(r Reader, domain, mac string) (DeviceKeys, error) {
	b, err := Secret(r, domain, SecretDeviceKeys, mac)
	if err != nil {
		return DeviceKeys{}, err
	}
	return DecodeDeviceKeys(b)
}

// EnsureDeviceKeys reads them, and makes them where there are none.
func EnsureDeviceKeys(w Writer, domain, mac string) (DeviceKeys, error) {
	k, err := DeviceKeysOf(w, domain, mac)
	if !errors.Is(err, ErrNotFound) {
		return k, err
	}
	k = NewDeviceKeys(mac)
	return k, w.PutSecret(domain, SecretDeviceKeys, mac, k.Encode())
}

// RotateDevice brings in a new SIP password: the one of before counts until the device has registered with the new one, at most RotationPatience.
func RotateDevice(w Writer, domain, mac string, now time.Time) error {
	k, err := EnsureDeviceKeys(w, domain, mac)
	if err != nil {
		return err
	}
	return w.PutSecret(domain, SecretDeviceKeys, mac, k.rotated(now).Encode())
}

// SettleDevice ends the password of before, once the device has registered with that of a generation. Told twice it changes nothing.
func SettleDevice(w Writer, domain, mac, generation string) error {
	k, err := DeviceKeysOf(w, domain, mac)
	if err != nil {
		return err
	}
	if k.Next == nil || k.Next.Generation != generation {
		return nil
	}
	k.Current, k.Next, k.Until = *k.Next, nil, time.Time{}
	return w.PutSecret(domain, SecretDeviceKeys, mac, k.Encode())
}

// SetDeviceState takes a device out of service, or back in. Out of service its passwords are refused and its registrations end; wiped they are destroyed, with
// its claim code and its certificates. Refused: ErrNotFound, *Invalid.
func SetDeviceState(w Writer, domain, mac, state, why string, now time.Time) (DeviceStatus, error) {
	if _, _, err := Get[ManagedDevice](w, domain, mac); err != nil {
		return DeviceStatus{}, err
	}
	s, err := optional[DeviceStatus](w, domain, mac)
	if err != nil {
		return s, err
	}
	if s.State != state {
		s.Since = now.UTC().Truncate(time.Second)
	}
	s.MAC, s.State, s.Why = mac, state, why
	if state == DeviceWiped {
		s.Certificates = nil
	}
	if _, err := Put(w, domain, s, ""); err != nil {
		return s, err
	}
	if state != DeviceWiped {
		return s, nil
	}
	if err := w.PutSecret(domain, SecretDeviceKeys, mac, nil); err != nil && !errors.Is(err, ErrNotFound) {
		return s, err
	}
	return s, EndEnrolments(w, domain, EnrolDevice, mac)
}

// DeviceLogin is the name that a device authenticates as, for one of its extensions (RFC 7616 section 3.4): it says which device it is and which password it
// has, so that each device has its own, and two count while one takes the other's place.
func DeviceLogin(extension, mac, generation string) string {
	return extension + "." + mac + "." + generation
}

// ReadDeviceLogin takes it apart; false: it is none.
func ReadDeviceLogin(name string) (extension, mac, generation string, ok bool) {
	extension, rest, _ := strings.Cut(name, ".")
	mac, generation, _ = strings.Cut(rest, ".")
	return extension, mac, generation, extension != "" && only(extension, digits) && IsMAC(mac) && len(generation) == generationSize && !strings.Contains(generation, ".")
}
