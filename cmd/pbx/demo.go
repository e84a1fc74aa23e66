package main

import "errors"

// demoCmd runs the switch with built-in phones against itself.
type demoCmd struct{}

var errNoDemo = errors.New("not built yet")

// Run implements `pbx demo`.
func (demoCmd) Run() error { return errNoDemo }
