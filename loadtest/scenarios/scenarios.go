// Package scenarios holds sipp scenarios (one .xml for each thing that a phone or a carrier does) and the tests that run them against a
// switch that is a process of its own. It never looks into the switch: what is asserted is what sipp saw, the call records by REST and
// the metrics.
//
// A scenario runs by hand too; <pause/> is -d, the domain and the user are generic keywords:
//
//	sipp 127.0.0.1:5060 -sf loadtest/scenarios/register.xml -m 1 -i 127.0.0.1 -p 5070 -key domain pbx.internal -key user 2001 \
//	    -auth_uri pbx.internal -au 2001 -ap PASSWORD
//	sipp 127.0.0.1:5060 -sf loadtest/scenarios/call.xml -m 1 -d 2000 -i 127.0.0.1 -p 5070 -key domain pbx.internal -key user 2001 \
//	    -s 2002 -auth_uri 2002@pbx.internal -au 2001 -ap PASSWORD
//	sipp 127.0.0.1:5060 -sf loadtest/scenarios/did-call.xml -m 1 -i 127.0.0.2 -key domain 127.0.0.1 -key user 09012345678 -s +81312345678
//
// sipp takes a call only on the socket that was registered: run register.xml first with the same -i and -p, then answer.xml.
package scenarios
