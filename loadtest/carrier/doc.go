// Package carrier owns strict simulators of peers that cannot be had for a test: a digest-registering carrier, a carrier known by its
// address, an NTT NGN line, Microsoft Teams Direct Routing, a PBX of the last generation, a bulk registrar (RFC 6140). Each refuses what
// the real one refuses and says by which rule. They read the raw bytes with a parser of their own, so that what our stack forgives is
// seen here, and they know nothing of the switch: it is another process on the loopback network. No simulator is a conformance test of
// the real peer: its rules are what documents and observed lines say.
//
// A Peer is a UA (one endpoint that can call, answer, refresh and hang up, itself conforming) plus the Rules of a Profile. A message that
// breaks a rule is answered as the real peer would, and kept as a Refusal. The tests drive each peer with a conforming UA and mutate one
// thing at a time, then with the real switch.
package carrier
