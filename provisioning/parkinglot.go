package provisioning

import (
	"fmt"
	"strconv"
)

// defaultSlots is how many places a parking lot has where nobody said another number.
const defaultSlots = 30

// ParkingLot is where calls are parked (パーク保留). A call that is sent to its number stands in the next free slot, one that is sent to a slot in
// that one; whoever dials the slot has the call. Slots are numbers in a row.
type ParkingLot struct {
	Number    string       `json:"number"`
	Title     string       `json:"title"`
	FirstSlot string       `json:"first_slot" doc:"Number of the first slot"`
	Slots     int          `json:"slots,omitempty" doc:"How many; 0: 30"`
	Seconds   int          `json:"seconds,omitempty" doc:"How long a call is parked before it comes back; 0: 120"`
	Skip      bool         `json:"skip_parker,omitempty" doc:"A call comes back to fallback at once, not to who parked it"`
	Fallback  *Destination `json:"fallback,omitempty" doc:"Where a call goes that came back in vain; left out: it stays parked and comes back again"`
	Payer     string       `json:"payer,omitempty" doc:"Extension whose rights and limits decide about fallback"`
	Music     string       `json:"music,omitempty" doc:"Prompt that parked callers hear again and again; left out: the music on hold"`
}

// Kind, Key: see Entity.
func (ParkingLot) Kind() string  { return KindParkingLot }
func (l ParkingLot) Key() string { return l.Number }

// Refs of a parking lot: where calls come back to.
func (l ParkingLot) Refs() []Ref {
	out := l.Fallback.refs("fallback")
	if l.Payer != "" {
		out = append(out, Ref{"payer", KindExtension, l.Payer})
	}
	return out
}

// Validate: see Entity.
func (l ParkingLot) Validate() error {
	var c check
	insideNumber(&c, "number", l.Number)
	c.text("title", l.Title)
	insideNumber(&c, "first_slot", l.FirstSlot)
	c.between("slots", l.Slots, 0, 100)
	c.between("seconds", l.Seconds, 0, 3600)
	if c.err == nil {
		_, whole := l.slot(l.count() - 1)
		c.must(whole, "slots", "would not all have as many digits as the first")
		c.must(!l.has(l.Number), "first_slot", "the lot's own number is among the slots")
		for _, help := range []string{"110", "118", "119"} {
			c.must(!l.has(help), "first_slot", "an emergency number is among the slots")
		}
	}
	l.Fallback.check(&c, "fallback")
	if d := l.Fallback; d != nil {
		c.must(d.Number == "" || l.Payer != "", "payer", "must name the extension that answers for the outside number")
	}
	c.must(!l.Skip || l.Fallback != nil, "fallback", "must say where calls go that do not come back to who parked them")
	if l.Payer != "" {
		extensionNumber(&c, "payer", l.Payer)
	}
	if l.Music != "" {
		checkPrompt(&c, "music", l.Music)
	}
	return c.result()
}

// claims are its number and its slots: nobody else has them.
func (l ParkingLot) claims() []Claim {
	out := []Claim{{"number", l.Number}}
	for _, n := range l.SlotNumbers() {
		out = append(out, Claim{"first_slot", n})
	}
	return out
}

func (l ParkingLot) count() int {
	if l.Slots == 0 {
		return defaultSlots
	}
	return l.Slots
}

// slot is the number of the i-th slot, with as many digits as the first; false: it has more.
func (l ParkingLot) slot(i int) (string, bool) {
	first, err := strconv.Atoi(l.FirstSlot)
	n := fmt.Sprintf("%0*d", len(l.FirstSlot), first+i)
	return n, err == nil && len(n) == len(l.FirstSlot)
}

// SlotNumbers are the numbers of all slots, in order.
func (l ParkingLot) SlotNumbers() []string {
	var out []string
	for i := range l.count() {
		if n, ok := l.slot(i); ok {
			out = append(out, n)
		}
	}
	return out
}

// has tells whether a number is one of the slots.
func (l ParkingLot) has(number string) bool {
	first, err := strconv.Atoi(l.FirstSlot)
	n, bad := strconv.Atoi(number)
	return err == nil && bad == nil && len(number) == len(l.FirstSlot) && n >= first && n < first+l.count()
}

// Slot tells whether a number is one of its slots.
func (l ParkingLot) Slot(number string) bool { return l.has(number) }
