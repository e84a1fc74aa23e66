package provisioning

import (
	"strings"
	"time"
)

// Ring says what an extension did whose telephones rang in a call.
type Ring struct {
	Extension string `json:"extension"`
	Outcome   string `json:"outcome" enum:"missed,busy,declined,elsewhere,answered"`
}

// The parts that an extension can have in a call, as its history tells them.
const (
	PartPlaced    = "placed"
	PartReceived  = "received"
	PartMissed    = "missed"    // it rang, or was dialled, and nobody answered
	PartElsewhere = "elsewhere" // a colleague answered, or whoever the call was sent on to
)

// HistoryParts in their order.
func HistoryParts() []string {
	return []string{PartPlaced, PartReceived, PartMissed, PartElsewhere}
}

// Part is what an extension had to do with a call; empty: nothing. outcome is how its telephones rang, where that is known.
func (d CDR) Part(extension string) (part, outcome string) {
	if extension == "" {
		return "", ""
	}
	for _, r := range d.Rang {
		if r.Extension == extension {
			outcome = r.Outcome
		}
	}
	person := d.AnsweredBy != "" && !strings.Contains(d.AnsweredBy, ":") // a script is none: "voicemail:2001"
	switch {
	case d.From == extension && d.Page != "": // it dialled once, whoever hears it
		return "", ""
	case d.From == extension:
		return PartPlaced, ""
	case outcome == "answered", d.AnsweredBy == extension:
		return PartReceived, outcome
	case outcome == "elsewhere":
		return PartElsewhere, outcome
	case outcome != "":
		return PartMissed, outcome
	case d.To == extension && person:
		return PartElsewhere, ""
	case d.To == extension:
		return PartMissed, ""
	}
	return "", ""
}

// Insiders are the numbers of a call that may be extensions of ours, each once.
func (d CDR) Insiders() []string {
	var out []string
	seen := map[string]bool{}
	add := func(n string) {
		if n != "" && len(n) <= 16 && only(n, digits) && !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	add(d.From)
	add(d.To)
	add(d.AnsweredBy)
	for _, r := range d.Rang {
		add(r.Extension)
	}
	return out
}

// History is the call as the history of an extension tells it, but for names. Who asked not to be shown has no number there.
func (d CDR) History(extension string) HistoryItem {
	h := HistoryItem{Call: d.ID, Number: d.From, Withheld: d.Withheld, Started: d.Started.Format(time.RFC3339), TalkMS: d.TalkMS}
	h.Part, h.Outcome = d.Part(extension)
	switch h.Part {
	case PartPlaced:
		h.Number, h.Withheld, h.AnsweredBy = d.To, "", d.AnsweredBy
	case PartElsewhere:
		h.AnsweredBy = d.AnsweredBy
	case PartMissed:
		h.TalkMS = 0 // with a script
	}
	if h.Withheld != "" { // the record may know who it was; whom it rang may not
		h.Number = ""
	}
	return h
}

// HistoryItem is one call in the history of an extension.
type HistoryItem struct {
	Call       string `json:"call"`
	Part       string `json:"part" enum:"placed,received,missed,elsewhere"`
	Outcome    string `json:"outcome,omitempty" doc:"How its telephones rang: missed, busy, declined, elsewhere, answered"`
	Number     string `json:"number,omitempty" doc:"Of the other party"`
	Name       string `json:"name,omitempty" doc:"As the shared directory shows it to the asker"`
	Withheld   string `json:"withheld,omitempty" doc:"Why the other party has no number"`
	Started    string `json:"started" format:"date-time"`
	TalkMS     int64  `json:"talk_ms"`
	AnsweredBy string `json:"answered_by,omitempty" doc:"Who answered a call that was answered elsewhere, or one that was placed"`
}
