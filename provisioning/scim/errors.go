package scim

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"naisen/provisioning"
	"naisen/provisioning/lifecycle"
)

// The schemas of messages (RFC 7644 section 8.2).
const (
	urnError    = "urn:ietf:params:scim:api:messages:2.0:Error"
	urnList     = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	urnPatch    = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	urnSearch   = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
	urnBulk     = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	urnBulkDone = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
)

// fault is a refusal as RFC 7644 section 3.12 words it. detail never repeats a value that was sent.
type fault struct {
	status   int
	scimType string
	detail   string
}

func (f *fault) Error() string {
	return "scim: " + strconv.Itoa(f.status) + " " + f.scimType + " " + f.detail
}

// The kinds of section 3.12, table 9.
const (
	invalidFilter = "invalidFilter"
	tooMany       = "tooMany"
	uniqueness    = "uniqueness"
	mutability    = "mutability"
	invalidSyntax = "invalidSyntax"
	invalidPath   = "invalidPath"
	noTarget      = "noTarget"
	invalidValue  = "invalidValue"
)

func bad(scimType, detail string) *fault { return &fault{http.StatusBadRequest, scimType, detail} }

func refused(status int) *fault { return &fault{status, "", http.StatusText(status)} }

// noResource is the one answer for what is not there, and for what is another domain's.
func noResource() *fault { return &fault{http.StatusNotFound, "", "There is no such resource"} }

// faultOf turns what the store and the rules say into a refusal; nil: it is nothing that a client is told of.
func faultOf(err error) *fault {
	var f *fault
	var invalid *provisioning.Invalid
	var denied *provisioning.Denied
	var separated *provisioning.Separated
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &invalid):
		return bad(invalidValue, invalid.Field+" "+invalid.Reason)
	case errors.As(err, &denied):
		return &fault{http.StatusForbidden, "", "rule: " + denied.Rule}
	case errors.Is(err, lifecycle.ErrTaken), errors.Is(err, provisioning.ErrExists):
		return &fault{http.StatusConflict, uniqueness, "userName is taken"}
	case errors.Is(err, lifecycle.ErrNoNumber):
		return &fault{http.StatusConflict, "", "no number of the range is free"}
	case errors.As(err, &separated):
		return &fault{http.StatusConflict, mutability, "one person may not hold " + separated.Pair.String()}
	case errors.Is(err, provisioning.ErrLastAdmin):
		return &fault{http.StatusConflict, mutability, "the domain's last enabled administrator"}
	case errors.Is(err, provisioning.ErrLastManager):
		return &fault{http.StatusConflict, mutability, "the domain's last recording manager: somebody else has to become one before"}
	case errors.Is(err, provisioning.ErrStale):
		return refused(http.StatusPreconditionFailed)
	case errors.Is(err, provisioning.ErrInUse):
		return &fault{http.StatusConflict, "", "something refers to it"}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, provisioning.ErrUnavailable):
		return refused(http.StatusServiceUnavailable)
	case errors.Is(err, provisioning.ErrNotFound):
		return noResource()
	}
	return nil
}

// body is the refusal as it is sent.
func (f *fault) body() map[string]any {
	out := map[string]any{"schemas": []string{urnError}, "status": strconv.Itoa(f.status), "detail": f.detail}
	if f.scimType != "" {
		out["scimType"] = f.scimType
	}
	return out
}

const contentType = "application/scim+json"

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	if body == nil {
		return
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(body) // the client is gone
}
