package recorder

// MaxPeaks bounds the steps of a waveform; it is even.
const MaxPeaks = 2000

// Peaks is the waveform of a recording: of each step the loudest moment, 0 to 255, 255 being full scale. It is made when the recording is rendered, and
// sealed once more inside its manifest, since it says who spoke when: a manifest is shown and given away to people who may not hear the recording, or not all of it.
type Peaks struct {
	StepUS int64  `json:"step_us"` // µs
	Left   []byte `json:"left"`    // the caller
	Right  []byte `json:"right"`
}
