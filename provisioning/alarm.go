package provisioning

import "time"

// Alarm is something that an operator must look at. It is raised once, counts while it lasts, and is cleared when its cause is gone or,
// where it is an event, when nothing of its kind happened for a while.
type Alarm struct {
	Name    string    `json:"name"` // "trunk-down", "limit-yen_per_day"
	Domain  string    `json:"domain,omitempty" doc:"Absent: the switch as a whole"`
	Object  string    `json:"object,omitempty" doc:"Such as the extension, the trunk, the source address"`
	Detail  string    `json:"detail,omitempty"`
	English string    `json:"en"`
	Text    string    `json:"ja"`
	Active  bool      `json:"active"`
	Count   uint64    `json:"count" doc:"How often it happened since it was raised"`
	Since   time.Time `json:"since"`
	Last    time.Time `json:"last"`
	Cleared time.Time `json:"cleared,omitzero"`
}

// Alarms is the switch's list, for REST.
type Alarms interface {
	// Alarms of a domain and of the switch as a whole, active ones first, newest first.
	Alarms(domain string) []Alarm
}

// LimitUse is one limit as it stands. Limit -1: none.
type LimitUse struct {
	Used  int64 `json:"used"`
	Limit int64 `json:"limit" doc:"-1: unlimited"`
}

// LimitSet is all of them for one payer.
type LimitSet struct {
	Calls          LimitUse `json:"calls"`
	ForeignPerHour LimitUse `json:"foreign_per_hour"`
	MinutesPerDay  LimitUse `json:"minutes_per_day"`
	YenPerDay      LimitUse `json:"yen_per_day"`
}

// RefusedCall is one call that rights or limits refused.
type RefusedCall struct {
	Time    time.Time `json:"time"`
	Dialled string    `json:"dialled"`
	Class   string    `json:"class"`
	Why     string    `json:"why" doc:"rights, or the name of the limit"`
}

// LimitState answers "why can I not call".
type LimitState struct {
	Extension string        `json:"extension"`
	Rights    Rights        `json:"rights"`
	Own       LimitSet      `json:"own"`
	Domain    LimitSet      `json:"domain"`
	Refused   []RefusedCall `json:"refused" nullable:"false" doc:"The last ones, newest first"`
	Dial      *DialAnswer   `json:"dial,omitempty" doc:"What would become of the number asked for"`
}

// DialAnswer is what would become of a number if the extension dialled it now.
type DialAnswer struct {
	Dialled   string  `json:"dialled"`
	Class     string  `json:"class"`
	Allowed   bool    `json:"allowed"`
	Why       string  `json:"why" doc:"The rule that decided"`
	ByPIN     bool    `json:"by_pin,omitempty" doc:"With the personal PIN it would be allowed"`
	YenMinute float64 `json:"yen_per_minute"`
}

// Where an extension would dial from, in DialQuery.From.
const (
	DialOffice  = "office"  // its desk telephone, in the premises; the default
	DialDesk    = "desk"    // a desk telephone outside them
	DialOutside = "outside" // a softphone outside them
	DialMobile  = "mobile"  // a mobile beyond a trunk: by call-through, or brought by its carrier
)

// DialQuery is a number that an extension would dial now. The zero value: none.
type DialQuery struct {
	Number string
	From   string // empty: DialOffice
}

// LimitViewer shows the limits of an extension as they stand. ErrNotFound.
type LimitViewer interface {
	LimitState(domain, extension string, dial DialQuery) (LimitState, error)
}
