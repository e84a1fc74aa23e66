package app

import (
	"context"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/sip"
)

// Parks are the parking lots. Take never blocks: it runs on a call's goroutine.
type Parks interface {
	Lot(domain, number string) (provisioning.ParkingLot, bool)
	// Take gives a call a slot of a lot: the wanted one, or the first that is free. by is who parks it; parked is false where the slot is only kept
	// for a call that by will send there. What was kept for by counts as free. False: there is none.
	Take(domain string, lot provisioning.ParkingLot, wanted, by, call string, parked bool) (slot string, ok bool)
	// Park parks whom a leg talks with: dialled names the lot or the slot. It waits for the leg's call.
	Park(ctx context.Context, domain, leg, dialled string) (slot string, err error)
}

const (
	parkTime   = 2 * time.Minute  // before a parked call comes back, unless its lot says otherwise
	parkReturn = 30 * time.Second // who parked it is rung for so long
	parkKept   = time.Minute      // a slot is kept for a call that is to be transferred there
	parkAtMost = 2 * time.Hour    // nobody waits longer
)

// parkingAs is what the script does for its caller.
type parkingAs int

const (
	parksCaller parkingAs = iota // somebody sent the caller here
	parksKept                    // the caller will send a call here
	parksHeld                    // the caller's other call is parked
	parksNone                    // the slot that was dialled is empty
	parksFull                    // there is no slot
)

// parking keeps a call in a slot until somebody fetches it or it comes back, and tells people where their calls are.
type parking struct {
	from Programs
	lot  provisioning.ParkingLot
	as   parkingAs
	slot string
}

// Admit implements call.Doorkeeper.
func (s *parking) Admit(f call.Facts) (string, sip.Cause) {
	var ok bool
	if s.lot, ok = s.from.Parks.Lot(f.Domain, f.Run.Name); !ok {
		return "", sip.CauseNotFound
	}
	wanted := f.Run.Data[route.Slot]
	switch {
	case f.Sent != "":
	case f.Run.Data[route.Held] != "":
		s.as = parksHeld
		return "", sip.Cause{}
	case wanted != "": // who dials a slot wants whom it has, and it has nobody
		s.as = parksNone
		return "", sip.Cause{}
	default:
		s.as = parksKept
	}
	by := f.Sent
	if by == "" {
		by = f.Extension
	}
	s.slot, ok = s.from.Parks.Take(f.Domain, s.lot, wanted, by, f.Call, f.Sent != "")
	switch {
	case ok:
	case s.as == parksKept:
		s.as = parksFull
	default:
		return "", sip.CauseBusy
	}
	return s.slot, sip.Cause{}
}

// Tell implements call.Teller.
func (s *parking) Tell(f call.Facts, refused sip.Cause) call.Program {
	if refused.Status != 0 {
		return s.from.Speak(f.Domain, f.Language, Say("park/full"))
	}
	return s.from.Speak(f.Domain, f.Language, Say("call/parked"), Spell(s.slot))
}

// On implements call.Script.
func (s *parking) On(f call.Facts, c call.Cue) []call.Order {
	if s.as == parksCaller {
		return s.parked(f, c)
	}
	switch c := c.(type) {
	case call.Began:
		return append([]call.Order{call.PickUp{}, call.Wake{After: parkKept}}, s.begin(f))
	case call.Result:
		if slot, ok := c.Value.(string); ok {
			s.slot = slot
			return s.say(f, Say("call/parked"), Spell(slot))
		}
		return s.say(f, Say("park/full"))
	case call.Played:
		if s.as == parksKept && c.Complete { // the call that is to be parked comes by transfer
			return []call.Order{s.music(f)}
		}
		return finish()
	case call.Elapsed:
		return finish()
	}
	return nil
}

func (s *parking) begin(f call.Facts) call.Order {
	switch s.as {
	case parksHeld:
		domain, leg, dialled := f.Domain, f.Run.Data[route.Held], f.Run.Name
		if slot := f.Run.Data[route.Slot]; slot != "" {
			dialled = slot
		}
		return call.Beside{Work: func(ctx context.Context) any {
			slot, err := s.from.Parks.Park(ctx, domain, leg, dialled)
			if err != nil {
				return err
			}
			return slot
		}}
	case parksNone:
		return s.say(f, Say("park/none"))[0]
	case parksFull:
		return s.say(f, Say("park/full"))[0]
	case parksKept, parksCaller:
	}
	return s.say(f, Say("call/parked"), Spell(s.slot))[0]
}

func (s *parking) say(f call.Facts, what ...Phrase) []call.Order {
	return []call.Order{call.Play{Program: s.from.Speak(f.Domain, f.Language, what...)}}
}

func (s *parking) music(f call.Facts) call.Order {
	if s.lot.Music != "" {
		return call.Play{Program: s.from.Loop(f.Domain, s.lot.Music)}
	}
	return call.Play{Program: s.from.Music(f.Domain)}
}

// parked is what happens to who is parked.
func (s *parking) parked(f call.Facts, c call.Cue) []call.Order {
	switch c.(type) {
	case call.Began:
		return []call.Order{s.again(), s.music(f)}
	case call.Elapsed:
		switch {
		case f.Now.Sub(f.Began) >= parkAtMost:
			return finish()
		case s.lot.Skip:
			return s.fallBack(f)
		}
		return []call.Order{call.Ring{Step: route.Step{Ring: parkReturn, Targets: []route.Target{{Kind: route.ToExtension, Number: f.Sent, As: s.returned(f)}}}}}
	case call.Unanswered:
		return s.fallBack(f)
	case call.Refused: // the way out is closed
		return []call.Order{s.again()}
	}
	return nil
}

// again waits for the time at which the call comes back.
func (s *parking) again() call.Order {
	if s.lot.Seconds > 0 {
		return call.Wake{After: time.Duration(s.lot.Seconds) * time.Second}
	}
	return call.Wake{After: parkTime}
}

// fallBack sends the call where the lot says. Without such a place it stays and comes back again.
func (s *parking) fallBack(f call.Facts) []call.Order {
	d := s.lot.Fallback
	if d == nil {
		return []call.Order{s.again()}
	}
	if d.Voicemail != "" {
		plan := s.from.Leave(f.Domain, d.Voicemail)
		plan.Language = f.Language
		return []call.Order{call.Follow{Plan: plan}}
	}
	payer := s.lot.Payer
	if payer == "" {
		payer = f.Sent
	}
	return []call.Order{call.Goto{Number: d.Extension + d.Group + d.Number, For: payer}}
}

// returned is whom the phone of who parked the call shows when it comes back.
func (s *parking) returned(f call.Facts) *route.Shown {
	who := f.Display
	if who == "" {
		who = national(f.Number)
	}
	name := "パーク戻り " + s.slot
	if f.Language == "en" {
		name = "Parked at " + s.slot
	}
	if who != "" {
		name += " " + who
	}
	number := f.Number
	if number == "" {
		number = s.slot
	}
	return &route.Shown{Number: number, Display: name}
}

// Yields implements call.Yielding: a slot is for everybody.
func (*parking) Yields() {}
