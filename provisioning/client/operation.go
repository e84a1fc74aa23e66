package client

import "net/http"

// Methods, by the names that generated code uses.
const (
	httpGet    = http.MethodGet
	httpPut    = http.MethodPut
	httpPost   = http.MethodPost
	httpDelete = http.MethodDelete
	httpPatch  = http.MethodPatch
)

// Operation is one thing that the API can be asked for.
type Operation struct {
	ID      string // "put-extension"
	Method  string
	Path    string // "/v1/domains/{domain}/extensions/{key}"
	Summary string
	PathParameters,
	Query []string
	Body string // content type of what is sent; "": nothing is
}
