package provisioning

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// SqueezeModel is a model's name as makers write it in one place and not in the other.
func SqueezeModel(model string) string {
	return strings.NewReplacer("-", "", " ", "", "_", "").Replace(strings.ToLower(model))
}

// Fits says that a firmware is for a device's make and model.
func (f Firmware) Fits(d ManagedDevice) bool {
	return f.Vendor == d.Vendor && SqueezeModel(f.Model) == SqueezeModel(d.Model)
}

// rank orders the telephones of a model, for each firmware anew: the same ones are not always the first.
func (f Firmware) rank(mac string) [sha256.Size]byte {
	return sha256.Sum256([]byte(f.Name + "\n" + mac))
}

// Wave is who the next wave has: telephones of the model that are of none before. Which ones is decided when it begins, and kept.
func (s FirmwareStatus) Wave(f Firmware, all []ManagedDevice) (macs []string) {
	if len(s.Members) >= len(f.Waves) {
		return nil
	}
	before := map[string]bool{}
	for _, wave := range s.Members {
		for _, mac := range wave {
			before[mac] = true
		}
	}
	fit := slices.DeleteFunc(slices.Clone(all), func(d ManagedDevice) bool { return !f.Fits(d) })
	slices.SortFunc(fit, func(a, b ManagedDevice) int {
		x, y := f.rank(a.MAC), f.rank(b.MAC)
		return cmp.Or(slices.Compare(x[:], y[:]), strings.Compare(a.MAC, b.MAC))
	})
	w := f.Waves[len(s.Members)]
	room := (len(fit)*w.Percent + 99) / 100
	for _, d := range fit {
		if w.Percent > 0 && len(before)+len(macs) >= room {
			break
		}
		if !before[d.MAC] && (w.Percent > 0 || slices.Contains(w.Sites, d.Site)) {
			macs = append(macs, d.MAC)
		}
	}
	return macs
}

// FirmwareCount is what is seen of a wave.
type FirmwareCount struct {
	Devices    int `json:"devices"`
	Registered int `json:"registered" doc:"Of them, those that can be reached now"`
	Updated    int `json:"updated" doc:"Of those, the ones that say the version"`
}

// What became of a roll-out in a step, as the audit log calls it; empty: nothing.
const (
	FirmwareStepWave   = "firmware.wave"   // the next one has begun
	FirmwareStepHalted = "firmware.halted" // by itself
	FirmwareStepDone   = "firmware.done"
)

// Step is what is due now. now counts the last wave that has begun, next those that the next one would have.
func (s FirmwareStatus) Step(f Firmware, now, next FirmwareCount, nextMACs []string, at time.Time) (FirmwareStatus, string) {
	if s.State != FirmwareRunning {
		return s, ""
	}
	begin := func() (FirmwareStatus, string) {
		s.Members = append(slices.Clone(s.Members), list(nextMACs))
		s.Since, s.Before = at.UTC().Truncate(time.Second), next.Registered
		return s, FirmwareStepWave
	}
	if len(s.Members) == 0 {
		if !f.Open(at) {
			return s, ""
		}
		return begin()
	}
	age := at.Sub(s.Since)
	enough := func(n int) bool { return n*100 >= s.Before*f.Least }
	halt := func(why string) (FirmwareStatus, string) {
		s.State, s.Since, s.Why = FirmwareHalted, at.UTC().Truncate(time.Second), why
		return s, FirmwareStepHalted
	}
	observe := time.Duration(f.Observe) * time.Second
	switch {
	case age < time.Duration(f.Settle)*time.Second:
		return s, ""
	case !enough(now.Registered):
		return halt(fmt.Sprintf("wave %d: %d of %d registered", len(s.Members), now.Registered, s.Before))
	case age < observe:
		return s, ""
	case !enough(now.Updated) && age >= 2*observe: // nobody took it: that is no success either
		return halt(fmt.Sprintf("wave %d: %d of %d have version %s", len(s.Members), now.Updated, s.Before, f.Version))
	case !enough(now.Updated):
		return s, ""
	case len(s.Members) >= len(f.Waves):
		s.State, s.Since = FirmwareDone, at.UTC().Truncate(time.Second)
		return s, FirmwareStepDone
	case f.Open(at):
		return begin()
	}
	return s, ""
}

// covers says that a roll-out has to do with a device, and what the device is told: this firmware, the one of before, or nothing.
func (s FirmwareStatus) covers(f Firmware, d ManagedDevice) (covered, told bool) {
	wave := slices.IndexFunc(s.Members, func(m []string) bool { return slices.Contains(m, d.MAC) })
	switch s.State {
	case FirmwareRunning:
		return wave >= 0, true
	case FirmwareHalted: // those of the waves before have it, and were looked at
		return wave >= 0, wave >= 0 && wave < len(s.Members)-1
	case FirmwareDone:
		return wave >= 0 || f.Waves[len(f.Waves)-1].Percent == 100, true // who came later, too
	case FirmwareRolledBack:
		return wave >= 0, false
	}
	return false, false
}

// FirmwareOf is what a device is told to have; false: nothing is said about it. Of several roll-outs that have to do with it the last one counts.
func FirmwareOf(d ManagedDevice, all map[string]Firmware, states map[string]FirmwareStatus) (Firmware, bool) {
	var last FirmwareStatus
	var out Firmware
	for name, s := range states {
		f, ok := all[name]
		if !ok || !f.Fits(d) {
			continue
		}
		covered, told := s.covers(f, d)
		if !covered || !last.Began.IsZero() && !s.Began.After(last.Began) {
			continue
		}
		last = s
		switch {
		case told:
			out = f
		case s.State == FirmwareRolledBack:
			out = all[f.Previous]
		default:
			out = Firmware{}
		}
	}
	return out, out.Name != ""
}

// What somebody does with a roll-out.
const (
	FirmwareStart    = "start"
	FirmwareHalt     = "halt"
	FirmwareResume   = "resume"
	FirmwareRollBack = "rollback"
)

// SteerFirmware begins a roll-out, halts it, goes on with the wave in which it was halted (those that are registered now are the measure from then on), or gives
// those that were told of it the previous firmware. registered counts the last wave. Refused: ErrNotFound, *Invalid.
func SteerFirmware(w Writer, domain, name, what, why string, registered int, now time.Time) (FirmwareStatus, error) {
	f, _, err := Get[Firmware](w, domain, name)
	if err != nil {
		return FirmwareStatus{}, err
	}
	s, err := optional[FirmwareStatus](w, domain, name)
	if err != nil {
		return s, err
	}
	from := map[string][]string{FirmwareStart: {"", FirmwareDone, FirmwareRolledBack}, FirmwareHalt: {FirmwareRunning}, FirmwareResume: {FirmwareHalted},
		FirmwareRollBack: {FirmwareRunning, FirmwareHalted, FirmwareDone}}
	if !slices.Contains(from[what], s.State) {
		return s, &Invalid{Field: "state", Reason: "is " + cmp.Or(s.State, "not begun")}
	}
	at := now.UTC().Truncate(time.Second)
	switch what {
	case FirmwareStart:
		if err := alone(w, domain, f); err != nil {
			return s, err
		}
		s = FirmwareStatus{State: FirmwareRunning, Began: now.UTC()}
	case FirmwareHalt:
		s.State = FirmwareHalted
	case FirmwareResume:
		s.State, s.Before = FirmwareRunning, registered
	case FirmwareRollBack:
		s.State = FirmwareRolledBack
	}
	s.Name, s.Since, s.Why = name, at, why
	_, err = Put(w, domain, s, "")
	return s, err
}

// alone refuses two roll-outs for one model at once: which of them did harm could not be told.
func alone(r Reader, domain string, f Firmware) error {
	all, err := List[Firmware](r, domain, "", 0)
	if err != nil {
		return err
	}
	for _, o := range all {
		s, err := optional[FirmwareStatus](r, domain, o.Name)
		if err != nil {
			return err
		}
		if o.Name != f.Name && o.Vendor == f.Vendor && SqueezeModel(o.Model) == SqueezeModel(f.Model) && (s.State == FirmwareRunning || s.State == FirmwareHalted) {
			return &Invalid{Field: "model", Reason: "has a roll-out already: " + o.Name}
		}
	}
	return nil
}

// FirmwareStays refuses changes of what is being rolled out, or was: what telephones were told is what is looked at.
func FirmwareStays(r Reader, domain, name string) error {
	s, _, err := Get[FirmwareStatus](r, domain, name)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err == nil && (s.State == FirmwareRunning || s.State == FirmwareHalted) {
		return &Invalid{Field: "state", Reason: "is " + s.State + ": roll it back first, or wait for its end"}
	}
	return err
}
