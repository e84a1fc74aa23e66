package provisioning

import (
	"strings"
	"time"
)

// What becomes of a call whose recording was refused by a key.
const (
	RefusalGoesOn = "unrecorded" // the call goes on, and is not recorded
	RefusalEnds   = "end"        // whoever refuses hears why it cannot go on, and it ends
)

// NoticeRefusal lets who hears the recording notice refuse the recording by a key, while it is played and for a while after it. The wording must say so:
// the built-in notice/recording-choice does, for the key 9.
type NoticeRefusal struct {
	Key         string `json:"key" minLength:"1" maxLength:"1" doc:"0 to 9, * or #"`
	Then        string `json:"then" enum:"unrecorded,end" doc:"What becomes of the call"`
	WaitSeconds int    `json:"wait_seconds,omitempty" minimum:"0" maximum:"15" doc:"How long the key counts after the notice; 0: 3"`
}

func (r *NoticeRefusal) check(c *check) {
	if r == nil {
		return
	}
	c.must(len(r.Key) == 1 && strings.Contains("0123456789*#", r.Key), "refusal.key", "must be one key: 0 to 9, * or #")
	c.oneOf("refusal.then", r.Then, RefusalGoesOn, RefusalEnds)
	c.between("refusal.wait_seconds", r.WaitSeconds, 0, 15)
}

// loosens says that another choice takes one away, by another key than people are used to, or that it lets them refuse what they could not, or go on
// where they could not.
func (r *NoticeRefusal) loosens(next *NoticeRefusal) bool {
	if r == nil || next == nil {
		return r != next
	}
	return r.Key != next.Key || r.Then == RefusalEnds && next.Then != RefusalEnds
}

func (r *NoticeRefusal) String() string {
	if r == nil {
		return ""
	}
	return "by " + r.Key + ", " + r.Then
}

// NoticeReceipt says what was sent of a recording notice, to whom, and what they pressed. Where there is a recording its manifest has the same.
type NoticeReceipt struct {
	Prompt        string    `json:"prompt"`
	Version       int       `json:"version,omitempty" doc:"Of its approved wording; absent: an announcement of the library"`
	Language      string    `json:"language"`
	SHA256        string    `json:"sha256" doc:"Of the audio before it was encoded for the leg: 16 kHz, 16 bit, mono, little endian"`
	Mode          string    `json:"mode" doc:"early-media, after-answer or outbound"`
	Party         string    `json:"party,omitempty" doc:"Number of who heard it"`
	Leg           string    `json:"leg,omitempty"`
	SSRC          uint32    `json:"ssrc"`
	FirstRTP      uint32    `json:"first_rtp" doc:"RTP timestamp of the first packet sent"`
	LastRTP       uint32    `json:"last_rtp"`
	FirstSequence uint16    `json:"first_sequence"`
	LastSequence  uint16    `json:"last_sequence"`
	Packets       int       `json:"packets" doc:"Sent"`
	Complete      bool      `json:"complete" doc:"To its end; else it was cut short"`
	RefusalKey    string    `json:"refusal_key,omitempty" doc:"Key that would have refused the recording"`
	Pressed       string    `json:"pressed,omitempty" doc:"It was pressed. No other key is noted"`
	Started       time.Time `json:"started"`
	Ended         time.Time `json:"ended"`
}
