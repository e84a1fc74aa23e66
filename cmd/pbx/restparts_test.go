package main

import (
	"reflect"
	"slices"
	"testing"
)

// What REST is not given it has no operations for, and nobody would notice: a switch as it is served has every part, but for those that its
// configuration turns on.
func TestRESTHasEveryPart(t *testing.T) {
	l := newLab(t, nil)
	left := []string{"Relay", "Mounts", "Clock", "Served"} // media.turn is off; given elsewhere; time.Now; otel is off
	v := reflect.ValueOf(l.p.restConfig(nil))
	for i := range v.NumField() {
		switch name := v.Type().Field(i).Name; v.Field(i).Kind() {
		case reflect.Interface, reflect.Pointer, reflect.Func, reflect.Map:
			if v.Field(i).IsNil() != slices.Contains(left, name) {
				t.Errorf("%s: nil is %v", name, v.Field(i).IsNil())
			}
		}
	}
}
