// Package phones proves the switch with real phones: baresip processes with a tone for a voice, judged by Goertzel, against a switch that
// is a process of its own. It owns the end-to-end promises of the README and never looks into the switch.
package phones
