package provisioning

import (
	"context"
	"io"
	"strconv"
	"strings"
	"time"
)

// MaxFirmware bounds one file of firmware, in bytes.
const MaxFirmware = 512 << 20

// Bounds of a roll-out.
const (
	MaxFirmwareWaves = 10
	waveSites        = 100
	longestObserve   = 7 * 24 * 3600 // seconds
	longestSettle    = 4 * 3600
)

// Firmware is one version for one model of telephone, and how it is rolled out (ファームウェア): in waves, each looked at before the next one begins. How far that came
// stands in FirmwareStatus.
type Firmware struct {
	Name      string         `json:"name"`
	Vendor    string         `json:"vendor" doc:"yealink, poly, grandstream, panasonic or cisco (MPP)"`
	Model     string         `json:"model" doc:"As in the inventory"`
	Version   string         `json:"version" doc:"As the telephone says it in its User-Agent: by that it is seen which have it"`
	File      string         `json:"file" doc:"Name under which the telephone asks for it, as the maker gives it"`
	SHA256    string         `json:"sha256" doc:"Of the file, 64 lower-case hexadecimal digits: another file is not taken"`
	Size      int64          `json:"size" doc:"Of the file, in bytes; 512 MiB at most"`
	Previous  string         `json:"previous,omitempty" doc:"Name of the firmware that telephones are given when this one is rolled back; empty: none"`
	Waves     []FirmwareWave `json:"waves" doc:"One after the other; a telephone is of the first that it belongs to"`
	From      string         `json:"from,omitempty" doc:"Maintenance window in which waves begin, of the switch's clock, such as 22:00; empty: at any time"`
	Until     string         `json:"until,omitempty" doc:"End of the window, such as 05:00"`
	NotBefore time.Time      `json:"not_before,omitzero" doc:"The first wave does not begin before"`
	Observe   int            `json:"observe_seconds" doc:"How long a wave is looked at before the next one: 1 to 604800"`
	Settle    int            `json:"settle_seconds" doc:"How long a telephone may be away to take it, before it is missed: 1 to 14400, less than observe_seconds"`
	Least     int            `json:"least_percent" doc:"Of the wave's telephones that were registered before, how many must be so now, and have the version: 1 to 100"`
}

// FirmwareWave is a part of the telephones of the model.
type FirmwareWave struct {
	Percent int      `json:"percent,omitempty" doc:"Of all of the model, with the waves before: 1 to 100"`
	Sites   []string `json:"sites,omitempty" doc:"In place of percent: those that stand there"`
}

// Kind, Key: see Entity.
func (Firmware) Kind() string  { return KindFirmware }
func (f Firmware) Key() string { return f.Name }

// Refs of a firmware: what it is rolled back to, and the sites of its waves.
func (f Firmware) Refs() (out []Ref) {
	if f.Previous != "" {
		out = append(out, Ref{"previous", KindFirmware, f.Previous})
	}
	for i, w := range f.Waves {
		for j, s := range w.Sites {
			out = append(out, Ref{"waves[" + strconv.Itoa(i) + "].sites[" + strconv.Itoa(j) + "]", KindSite, s})
		}
	}
	return out
}

func (f Firmware) normal() Entity {
	f.Waves = list(f.Waves)
	return f
}

// Validate: see Entity. File and version end in files that telephones read, and the file in a path.
func (f Firmware) Validate() error {
	var c check
	c.name("name", f.Name)
	c.oneOf("vendor", f.Vendor, Vendors()...)
	modelName(&c, "model", f.Model)
	c.must(f.Model != "", "model", "is missing")
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_"
	c.must(!strings.Contains(f.Version, "--"), "version", "must have no two dashes together") // it stands in a comment of XML
	c.must(f.Version != "" && len(f.Version) <= 32 && only(f.Version, letters), "version", "must be 1 to 32 of A-Z a-z 0-9 . - _")
	c.must(f.File != "" && len(f.File) <= 64 && only(f.File, letters) && f.File[0] != '.', "file", "must be 1 to 64 of A-Z a-z 0-9 . - _, and not begin with a dot")
	c.must(len(f.SHA256) == 64 && only(f.SHA256, "0123456789abcdef"), "sha256", "must be 64 lower-case hexadecimal digits")
	c.must(f.Size > 0 && f.Size <= MaxFirmware, "size", "must be 1 to 536870912")
	c.must(f.Previous != f.Name, "previous", "is the firmware itself")
	c.list("waves", len(f.Waves), 1, MaxFirmwareWaves)
	c.must((f.From == "") == (f.Until == ""), "until", "must be there with from, and without it not")
	c.must(f.From == "" || clockTime(f.From) && clockTime(f.Until) && f.From != f.Until, "from", "must be a time such as 22:00, and another one than until")
	c.must(f.Observe >= 1 && f.Observe <= longestObserve, "observe_seconds", "must be 1 to 604800")
	c.must(f.Settle >= 1 && f.Settle <= longestSettle && f.Settle < f.Observe, "settle_seconds", "must be 1 to 14400, and less than observe_seconds")
	c.must(f.Least >= 1 && f.Least <= 100, "least_percent", "must be 1 to 100")
	if c.err != nil {
		return c.result()
	}
	last := 0
	for i, w := range f.Waves {
		at := "waves[" + strconv.Itoa(i) + "]"
		c.must((w.Percent != 0) != (len(w.Sites) > 0), at, "must have either percent or sites")
		c.must(w.Percent == 0 || w.Percent > last && w.Percent <= 100, at+".percent", "must be more than in the waves before, and 100 at most")
		c.list(at+".sites", len(w.Sites), 0, waveSites)
		for _, s := range w.Sites {
			c.name(at+".sites", s)
		}
		last = max(last, w.Percent)
	}
	return c.result()
}

func clockTime(s string) bool {
	_, err := time.Parse("15:04", s)
	return err == nil && len(s) == len("15:04")
}

// Open says that a wave may begin: the window may go over midnight.
func (f Firmware) Open(now time.Time) bool {
	if now.Before(f.NotBefore) {
		return false
	}
	at := now.Format("15:04")
	switch {
	case f.From == "":
		return true
	case f.From < f.Until:
		return f.From <= at && at < f.Until
	}
	return f.From <= at || at < f.Until
}

// States of a roll-out.
const (
	FirmwareRunning    = "running"
	FirmwareHalted     = "halted"      // by somebody, or since registrations were missing: the wave's telephones are told of it no more
	FirmwareDone       = "done"        // all waves were looked at
	FirmwareRolledBack = "rolled-back" // those that were told of it are given the previous one
)

// Rollouts is firmware as telephones have it now, and its files.
type Rollouts interface {
	// FirmwareCount counts the last wave that has begun.
	FirmwareCount(domain, name string) FirmwareCount
	// HasFirmware says that the file is here.
	HasFirmware(f Firmware) bool
	// PutFirmware reads a file to its end, and keeps it if it is the firmware's. *Invalid.
	PutFirmware(ctx context.Context, f Firmware, in io.Reader) error
}

// FirmwareStates are all of them; empty: nobody has begun.
func FirmwareStates() []string {
	return []string{"", FirmwareRunning, FirmwareHalted, FirmwareDone, FirmwareRolledBack}
}

// FirmwareStatus is how far a roll-out came: written by the switch alone, and gone with the firmware.
type FirmwareStatus struct {
	Name    string     `json:"name"`
	State   string     `json:"state,omitempty" enum:",running,halted,done,rolled-back" doc:"Empty: nobody has begun"`
	Since   time.Time  `json:"since,omitzero" doc:"When it came into that state, or into its wave"`
	Began   time.Time  `json:"began,omitzero" doc:"When the roll-out began: of two for one telephone the later counts"`
	Why     string     `json:"why,omitempty"`
	Before  int        `json:"before,omitempty" doc:"Telephones of the wave that were registered when it began"`
	Members [][]string `json:"members,omitempty" doc:"MACs of the waves that have begun"`
}

// Kind, Key: see Entity.
func (FirmwareStatus) Kind() string  { return KindFirmwareStatus }
func (s FirmwareStatus) Key() string { return s.Name }

// Refs: the firmware, of which it is a part.
func (s FirmwareStatus) Refs() []Ref { return []Ref{{"name", KindFirmware, s.Name}} }

// Validate: see Entity.
func (s FirmwareStatus) Validate() error {
	var c check
	c.name("name", s.Name)
	c.oneOf("state", s.State, FirmwareStates()...)
	c.text("why", s.Why)
	c.list("members", len(s.Members), 0, MaxFirmwareWaves)
	return c.result()
}
