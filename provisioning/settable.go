package provisioning

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
)

// settable are the kinds that a set of changes may change. Left out are: what has steps of its own (notices, menus, proposals, requests), what the switch
// itself writes (call-backs, who is signed in at a telephone), and what shows a secret when it is made (webhooks, accounts of the directory).
var settable = []string{KindDomain, KindUser, KindExtension, KindDID, KindTrunk, KindSite, KindPolicy, KindSettings, KindQueue, KindAgent, KindFeatureCodes, KindConference,
	KindMailbox, KindGroup, KindPagingGroup, KindParkingLot, KindCalendar, KindRejection, KindRestriction, KindDepartment, KindShortNumbers, KindContact, KindSupervision,
	KindListeningRules, KindRecordingScope, KindChangeRules, KindLifecycle, KindDevice}

// Settable says that entities of a kind may be in a set of changes.
func Settable(kind string) bool { return slices.Contains(settable, kind) }

// blank is the zero value of a kind; nil: there is no such kind.
func blank(kind string) Entity {
	for _, e := range Entities() {
		if e.Kind() == kind {
			return e
		}
	}
	return nil
}

// EntityOf is an entity out of its JSON. *Invalid: it is none of that kind, or has a field that the kind has not.
func EntityOf(kind string, body []byte) (Entity, error) {
	zero := blank(kind)
	if zero == nil {
		return nil, &Invalid{Field: "kind", Reason: "is no kind"}
	}
	if kind == KindPolicy {
		body = modeOfBefore(body)
	}
	into := reflect.New(reflect.TypeOf(zero))
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into.Interface()); err != nil {
		return nil, &Invalid{Field: "body", Reason: faultOf(err)}
	}
	e, ok := into.Elem().Interface().(Entity)
	if !ok || d.More() {
		return nil, &Invalid{Field: "body", Reason: "is no " + kind}
	}
	return e, nil
}

// faultOf a body, without what was in it.
func faultOf(err error) string {
	var t *json.UnmarshalTypeError
	if errors.As(err, &t) {
		return t.Field + " is a JSON " + t.Value + ", which does not fit"
	}
	const unknown = `json: unknown field "`
	if s := err.Error(); len(s) < 200 && len(s) > len(unknown) && s[:len(unknown)] == unknown {
		return "has an unknown field " + s[len(unknown)-1:]
	}
	return "is no JSON object that fits"
}

// entityAt is an entity by kind and key. ErrNotFound.
func entityAt(r Reader, domain, kind, key string) (Entity, error) {
	row, err := r.Row(domain, kind, key)
	if err != nil {
		return nil, err
	}
	return stored(kind, row)
}

// stored is an entity as a store has it.
func stored(kind string, row Row) (Entity, error) {
	zero := blank(kind)
	if zero == nil {
		return nil, &Invalid{Field: "kind", Reason: "is no kind"}
	}
	into := reflect.New(reflect.TypeOf(zero))
	if err := decode(row, into.Interface()); err != nil {
		return nil, err
	}
	e, _ := into.Elem().Interface().(Entity)
	return e, nil
}
