package provisioning

import "time"

// Recall is the wish of an extension to be rung, and connected, when another one is free. It is the switch's memory and no row of the store.
type Recall struct {
	ID    string    `json:"id"`
	By    string    `json:"by" doc:"Extension that is rung first"`
	Of    string    `json:"of" doc:"Extension that is rung then"`
	Asked time.Time `json:"asked"`
	Until time.Time `json:"until" doc:"Then it is dropped"`
}

// Recalls are those that wait. ErrNotFound: there is no such one.
type Recalls interface {
	List(domain string) []Recall
	Drop(domain, id string) error
}
