package provisioning

import "time"

// Relay gives credentials of the switch's TURN relay. It keeps nothing of them.
type Relay interface {
	Grant(domain, extension string) RelayGrant
}

// RelayGrant is an entry of a browser's iceServers.
type RelayGrant struct {
	URLs       []string  `json:"urls"`
	Username   string    `json:"username"`
	Credential string    `json:"credential"`
	Expires    time.Time `json:"expires" doc:"Nothing is begun with them later; a call that uses them goes on"`
}
