// Package recorder holds the words of recording: Recorder, Recording, Case, Manifest, Gate.
// Its sub-packages turn packets into sealed, stored, findable and playable recordings. It never decides who may listen: it asks Gate.
package recorder

import (
	"errors"
	"time"

	"naisen/media"
)

// Sentinel errors; callers use errors.Is.
var (
	ErrNotFound  = errors.New("recorder: no such recording")
	ErrDiskFull  = errors.New("recorder: journal disk is full")
	ErrIntegrity = errors.New("recorder: sealed recording was altered")
)

// Party is one side of the recorded call.
type Party struct {
	Endpoint string `json:"-"`    // media.Endpoint.ID whose frames are this party's voice
	Role     string `json:"role"` // "caller" (left channel) or "called" (right channel)
	Number   string `json:"number"`
	Name     string `json:"name,omitempty"`
}

// Case is what is known when capture starts.
type Case struct {
	ID        string    `json:"id"` // of the recording; made by the caller, unique, URL-safe
	Domain    string    `json:"domain"`
	Call      string    `json:"call"`
	DID       string    `json:"number"`    // the recorded number: whose policy made this recording
	Direction string    `json:"direction"` // "inbound", "outbound", "internal"; "siprec": another system's call
	Policy    string    `json:"policy"`
	Started   time.Time `json:"started"`
	Parties   []Party   `json:"parties"`
	Notice    *Notice   `json:"notice,omitempty"`

	Asked  *Asked  `json:"asked,omitempty"`  // on demand; nil: a policy demanded it
	Source *Source `json:"source,omitempty"` // another system sent it to be recorded (RFC 7866); nil: it is a call of ours

	Groups []string `json:"groups,omitempty"` // queues and groups that the call was for

	Label         Label `json:"label,omitempty"`          // how confidential it is from birth. In a manifest the highest of all that it came under; empty: of before there were any
	RetentionDays int   `json:"retention_days,omitempty"` // how long its class keeps it, from its end; 0: until somebody says. In a manifest the longest of all that it came under
}

// Source names what another system sent to be recorded, as that system calls it.
type Source struct {
	Peer       string `json:"peer"`                  // trunk by which it came
	CallID     string `json:"call_id"`               // of the recording session
	Session    string `json:"session,omitempty"`     // of its metadata: the communication session
	Group      string `json:"group,omitempty"`       // that it belongs to
	SIPSession string `json:"sip_session,omitempty"` // Session-ID of the call (RFC 7989)
}

// Notice is the receipt of the recording notice: what was sent to whom, and what they pressed.
type Notice struct {
	Prompt   string    `json:"prompt"`            // name, such as notice/recording
	Version  int       `json:"version,omitempty"` // of its approved wording; 0: an announcement of the library, which has none
	Language string    `json:"language"`
	SHA256   string    `json:"sha256"` // of the canonical PCM that was played, before it was encoded for the leg
	Mode     string    `json:"mode"`   // "early-media", "after-answer", "outbound"
	SSRC     uint32    `json:"ssrc"`
	FirstRTP uint32    `json:"first_rtp"`
	LastRTP  uint32    `json:"last_rtp"`
	Packets  int       `json:"packets"`  // sent
	Complete bool      `json:"complete"` // to its end; else cut short: by a key, or by hanging up
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended"`
	Party    string    `json:"party,omitempty"` // number of who heard it
	Leg      string    `json:"leg,omitempty"`   // to which it was sent

	FirstSequence uint16 `json:"first_sequence"` // RTP sequence numbers; with more than 65,536 packets they come round
	LastSequence  uint16 `json:"last_sequence"`

	RefusalKey string `json:"refusal_key,omitempty"` // key that would have refused the recording; empty: none
	Pressed    string `json:"pressed,omitempty"`     // it was pressed. No other key is ever noted
}

// Recorder starts recordings. Start never blocks on a disk or the network.
type Recorder interface {
	Start(Case) (Recording, error)
}

// Recording is one capture under way. All methods return at once.
type Recording interface {
	Tap() media.Tap                   // attach it to the call's bridge
	Party(Party)                      // a party joined or its endpoint changed (transfer); also from goroutines of others, in a room
	Stop(ended time.Time, why string) // idempotent; what follows (render, seal, store) is the recorder's
	OnFailure(func(error))            // called at most once, when capture fails or had failed (disk full); it must not block
}

// Mask is a stretch of which nothing was kept, since a PIN or a card number was given, or since it was a fax and no sound (By is "fax"): silence
// stands in its place, on both channels.
type Mask struct {
	FromMS int64  `json:"from_ms"`
	ToMS   int64  `json:"to_ms"`
	By     string `json:"by,omitempty"` // who switched it on: a script's name
}

// What a Listener does.
const (
	Listens  = "listen"
	Whispers = "whisper" // one party hears it, and the recording does not have it
	Barges   = "barge"   // all hear it, and the recording has it beside the called party
)

// Listener is somebody who was let into the call beside its parties, for a stretch, and how.
type Listener struct {
	Number string `json:"number"`
	Name   string `json:"name,omitempty"`
	Mode   string `json:"mode"`
	FromMS int64  `json:"from_ms"`
	ToMS   int64  `json:"to_ms"`
}

// Segment is a stretch in which a party was in the call: from its leg's coming to its leaving, by whatever transfer or pick-up. Who comes back has
// another one.
type Segment struct {
	Party
	FromMS int64 `json:"from_ms"`
	ToMS   int64 `json:"to_ms"`
}

// How a Link's call belongs to this one.
const (
	MergedFrom = "merged-from" // its party came here by an attended transfer
	MergedInto = "merged-into" // the party talks on there
	Follows    = "follows"     // this call answers it: a call-back
)

// Link names another call of the same conversation.
type Link struct {
	Call string `json:"call"`
	How  string `json:"how"`
	AtMS int64  `json:"at_ms"` // when it became known here
}

// Manifest is stored, sealed, beside the audio. It says all that is needed to rebuild the catalogue.
type Manifest struct {
	Version int `json:"version"`
	Case
	Ended        time.Time `json:"ended"`
	Why          string    `json:"why"`         // cause of the end, or "interrupted"
	Interrupted  bool      `json:"interrupted"` // finished by the sweeper after a crash
	DurationMS   int64     `json:"duration_ms"`
	Format       string    `json:"format"`       // "audio/wav; rate=8000; channels=2"
	Codecs       []string  `json:"codecs"`       // as captured, per party
	AudioSHA256  string    `json:"audio_sha256"` // of the plain audio
	AudioBytes   int64     `json:"audio_bytes"`
	SealedSHA256 string    `json:"sealed_sha256"` // of the sealed object
	SealedBytes  int64     `json:"sealed_bytes"`
	Epoch        int       `json:"epoch,omitempty"` // of the domain's key that it was sealed to; 0: the vault's own
	Gaps         []Gap     `json:"gaps,omitempty"`
	Masks        []Mask    `json:"masks,omitempty"`
	Pauses       []Pause   `json:"pauses,omitempty"`
	Tracks       []Track   `json:"tracks,omitempty"`       // where more than two spoke: each one's voice alone
	Dropped      int64     `json:"dropped"`                // frames that the ring refused
	Lost         int64     `json:"lost"`                   // frames that never came, by sequence number
	Damaged      int       `json:"damaged,omitempty"`      // journal slots that did not authenticate; nothing of them is in the audio
	GapsOmitted  int       `json:"gaps_omitted,omitempty"` // gaps beyond the bound of the list

	Listeners []Listener `json:"listeners,omitempty"` // who heard the call beside its parties, and how
	Segments  []Segment  `json:"segments,omitempty"`  // who was in it when
	Notices   []Notice   `json:"notices,omitempty"`   // heard by others, or later, than the one that the recording waited for
	Links     []Link     `json:"links,omitempty"`     // other calls of the same conversation
	Peaks     []byte     `json:"peaks,omitempty"`     // Peaks as JSON, sealed as the audio is: who reads the manifest need not be one who may hear it; nil: of before there were any
}

// Deposit is what is known of a recording once the store has it and gave the same back: enough to know it again for ever.
type Deposit struct {
	Manifest
	ManifestSHA256       string // of the manifest's octets
	SealedManifestSHA256 string // of the sealed object
}

// Label is how confidential a recording is (機密度).
type Label string

// The labels, the highest first. Nothing is without one: what has none, or one that is not known, is as confidential as can be.
const (
	Restricted Label = "restricted" // 機密性3
	Internal   Label = "internal"   // 機密性2
	Public     Label = "public"     // 機密性1
)

// Level orders labels: 3 is the highest.
func (l Label) Level() int {
	switch l {
	case Public:
		return 1
	case Internal:
		return 2
	}
	return 3
}

// LabelOf is the label of a Level.
func LabelOf(level int) Label {
	switch level {
	case 1:
		return Public
	case 2:
		return Internal
	}
	return Restricted
}

// HigherLabel of two.
func HigherLabel(a, b Label) Label { return LabelOf(max(a.Level(), b.Level())) }

// LongerDays is the longer of two RetentionDays. 0 has no end and is longer than any other.
func LongerDays(a, b int) int {
	if a <= 0 || b <= 0 {
		return 0
	}
	return max(a, b)
}

// RetainUntil is when the recording falls due by the rule that it was made under; zero: it does not.
func (m Manifest) RetainUntil() time.Time {
	if m.RetentionDays <= 0 {
		return time.Time{}
	}
	end := m.Started.Add(time.Duration(m.DurationMS) * time.Millisecond) // by the packets: the clock may have been set back during the call
	if m.Ended.After(end) {
		end = m.Ended
	}
	return end.Add(time.Duration(m.RetentionDays) * 24 * time.Hour).UTC().Truncate(time.Millisecond) // as the catalogue keeps times
}

// Track is one participant's voice alone, on the recording's own timeline: every track begins when the recording does and is as long. It is an object
// of its own beside the stereo copy, and part of the same recording. Of G.711 it holds the very octets, of others the decoded samples.
type Track struct {
	Number       int      `json:"track"`   // from 1; in the object's name
	Parties      []Party  `json:"parties"` // who it is, as told one after the other
	Codecs       []string `json:"codecs"`  // as captured
	Format       string   `json:"format"`  // "audio/wav; codec=PCMU; rate=8000; channels=1"
	AudioSHA256  string   `json:"audio_sha256"`
	AudioBytes   int64    `json:"audio_bytes"`
	SealedSHA256 string   `json:"sealed_sha256"`
	SealedBytes  int64    `json:"sealed_bytes"`
}

// Gap is a stretch without audio of one party.
type Gap struct {
	Party  string `json:"party"`
	FromMS int64  `json:"from_ms"`
	ToMS   int64  `json:"to_ms"`
	Reason string `json:"reason"` // "loss", "silence", "dropped", "truncated", "masked", "paused"
}

// State of a catalogue row; it only moves forward.
type State string

// States of a recording.
const (
	Capturing State = "recording"
	Captured  State = "captured"
	Stored    State = "stored"
	Failed    State = "failed"
)
