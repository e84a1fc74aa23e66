package provisioning

import "time"

// Device is a telephone that rings for an extension now.
type Device struct {
	Instance   string    `json:"instance,omitempty" doc:"Names the device for good (RFC 5626); absent where it has none"`
	UserAgent  string    `json:"user_agent,omitempty" doc:"What it calls itself"`
	Q          float64   `json:"q" doc:"0 to 1: how much it wants the calls (RFC 3261 section 20.10); 1 where it does not say"`
	Transport  string    `json:"transport"`
	Address    string    `json:"address" doc:"Where it registered from"`
	Registered time.Time `json:"registered"`
	Expires    time.Time `json:"expires"`
	Woken      string    `json:"woken_by,omitempty" doc:"The push service that wakes it for calls (RFC 8599): apns, fcm, webpush; absent where it never sleeps"`
	Asleep     bool      `json:"asleep,omitempty" doc:"It has to be woken before it can ring"`
	Desk       string    `json:"desk,omitempty" doc:"Extension of the desk's telephone at which the person is signed in"`
	Turn       int       `json:"turn" doc:"When it rings by the settings of the extension: those of turn 2 in place of those of turn 1"`
	After      int       `json:"after_seconds" doc:"and so long after the first ones"`
}

// Devices are the telephones that can be reached now, or after they were woken, none for an extension that is not there.
type Devices interface {
	Devices(domain, extension string) []Device
}
