package route

import (
	"naisen/provisioning"
	"naisen/sip"
)

// VerbPark parks the caller in the parking lot Name, where somebody sent it there; else it tells who dialled what there is. Data: Slot.
const VerbPark = "park"

// Slot in Run.Data is the number of a slot of a parking lot; empty: any.
const Slot = "slot"

// Held in Run.Data is the leg that holds the call which is to be parked.
const Held = "held"

// parking is the lot, and the slot, that a number means.
func parking(dir Directory, domain, number string) (lot provisioning.ParkingLot, slot string, ok bool) {
	if lot, ok = dir.ParkingLot(domain, number); ok {
		return lot, "", true
	}
	lot, ok = dir.LotOf(domain, number)
	return lot, number, ok
}

// park is the plan for a number of a parking lot. Nothing new is recorded: a call that is parked goes on.
func park(req Request, lot provisioning.ParkingLot, slot string, p Plan) Plan {
	p.Direction, p.Why, p.Record = Internal, "parking lot "+lot.Number, Record{Notice: NoticeNone}
	p.Steps = []Step{{Run: Run{Verb: VerbPark, Name: lot.Number, Language: p.Language, Data: map[string]string{Slot: slot, Held: req.Held}}}}
	return p
}

// coded is the plan of a code. False: what was dialled behind it makes no sense.
func coded(dir Directory, req Request, caller provisioning.Extension, feature, argument string, p Plan) (Plan, bool) {
	switch feature {
	case provisioning.FeaturePark:
		return parkByCode(dir, req, argument, p)
	case provisioning.FeaturePage:
		return pagingByCode(dir, req, caller, argument, p), true
	case provisioning.FeatureShow:
		return showing(dir, req, caller, argument), true
	case provisioning.FeatureLeave:
		return leave(dir, req, caller, argument, p), true
	case provisioning.FeatureShort:
		return short(dir, req, caller, argument), true
	}
	return featured(dir, req, caller, feature, argument, p), true
}

// parkByCode is the code without, or with a slot. The lot is that of the slot, or the first one. False: there is none.
func parkByCode(dir Directory, req Request, slot string, p Plan) (Plan, bool) {
	if slot != "" {
		lot, slot, ok := parking(dir, req.Domain, slot)
		return park(req, lot, slot, p), ok
	}
	lots := dir.ParkingLots(req.Domain)
	if len(lots) == 0 {
		return Announce(p, "feature/not-possible", sip.CauseNotFound), true
	}
	return park(req, lots[0], "", p), true
}
