// Package acme has the switch get its certificates from an authority that is a program of its own (Pebble, which Let's Encrypt makes for such tests), and watches what
// becomes of calls and connections when a certificate is renewed under them. It has tests only.
package acme
