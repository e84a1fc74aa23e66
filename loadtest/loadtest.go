// Package loadtest is everything that looks at the switch from outside only: by its sockets, its command line, its HTTP API, its metrics
// and /proc. It imports the sip and media folders for their parsers and never the switch's own parts; the report measures mixer and recorder in its own
// process. There is no code here.
//
//	make phones                                tests against a switch that is a process of its own (go test ./loadtest/...):
//	    ./loadtest/phones                      real phones (baresip): tones, recording, playback
//	    ./loadtest/scenarios                   sipp as phones and as a carrier, one .xml for each thing that they do
//	    ./loadtest/carrier                     strict simulators of carriers, NGN, Teams, an old PBX: each rule, and the switch against it
//	    ./loadtest/nodes                       two switches on one PostgreSQL, and what becomes of calls when one of the three hangs or dies; docs/operations.md
//	    ./loadtest/acme                        an authority (Pebble) that certificates come from, and calls under which they are renewed
//	    ./loadtest/hostile                     what strangers and guessers send, and the exact answer
//	make load                                  every figure, three runs each, into build/load.md (go run ./loadtest/report; -short, -only, -runs, -nice)
//	go run ./loadtest/callgen relay            the packet path alone: N calls with RTP or SRTP, loss, delay, processor time of a packet
//	go run ./loadtest/callgen sip              the same through a running switch
//	loadtest/install.sh                        what the tests need from Debian, only what is missing
//
// Package peer starts the processes of both sides; package bulk makes signalling by the thousand for the report.
package loadtest
