// Package auth owns SIP authentication by digest (RFC 3261 section 22, RFC 7616, RFC 8760) and by access token (RFC 8898): challenges,
// nonces, replay windows, the throttle on guesses, and the answer that we give as a client. It asks a Verifier for what a password
// hashes to and a TokenVerifier about tokens, and never stores anything about a user, never decides what an authenticated user may
// do, never compares the user with From, never logs a token.
//
// # Which challenge goes to whom
//
// RFC 8760 wants one WWW-Authenticate per algorithm, the strongest on top, and a client that takes the topmost one it knows.
// What clients do with it, found by running them against a listener (baresip, sipp, linphonec) or by reading them (JsSIP, SIP.js):
//
//	client            MD5 alone  SHA-256 alone  SHA-256, MD5      MD5, SHA-256    SHA-512-256, SHA-256, MD5
//	baresip 1.0.0     MD5        gives up       gives up          gives up        gives up
//	sipp 3.6.1        MD5        aborts         aborts            MD5             aborts
//	JsSIP 3.13        MD5        aborts         aborts            first one only  aborts
//	SIP.js 0.21       MD5        aborts         aborts            first one only  aborts
//	linphonec 5.1.65  MD5        SHA-256        SHA-256 (topmost) MD5 (topmost)   gives up
//
// So no order of two challenges serves all: baresip 1.0 fails as soon as any challenge is not MD5. The rules that follow:
//
//  1. A listener or domain that does not allow MD5 (Config.OfferMD5): SHA-256 alone, whoever asks.
//  2. MD5 allowed, and the User-Agent is one of the table in offer.go: MD5 alone. A client whose device record does not allow MD5
//     then fails, as it would have failed anyway.
//  3. MD5 allowed, anybody else: SHA-256, then MD5, in two header fields. SHA-512-256 is never offered.
//  4. A device (source address, From, User-Agent) that left such a double challenge unanswered and asks again later gets MD5
//     alone, and the double challenge again if that stays unanswered too. baresip asks again after about a minute.
//  5. MD5 allowed, and no User-Agent: as rule 4, but MD5 alone comes first. An account may have no hash but SHA-256's (a softphone
//     does), or may not use MD5: who answers MD5 in vain is offered both at once and from then on, whether there is such an account
//     or not, and whether the answer was looked at or not.
//
// The record of the user in From is deliberately not consulted for the offer: it would tell known from unknown users. It decides
// when the answer comes: MD5 counts only if Credential.AllowMD5 says so. Offering MD5 costs a device that knows SHA-256 nothing
// against a passive listener; an active one can strip the SHA-256 challenge, which only rule 1 prevents.
//
// Bearer (RFC 8898) is offered on TLS alone, where the domain takes tokens, below the digests: a client takes the topmost scheme that it
// knows, and those of the table look at the first field or fail on what they do not know. Who gets MD5 alone is not offered it. A
// client that has sent a token gets Bearer on top from then on. A token that comes over UDP or TCP is not looked at.
//
// # Guessing
//
// Over the limit a request is answered with the usual 401 or 407, but its credentials are not looked at. Asterisk and Kamailio
// users know silence from fail2ban and pike, or 403: both tell the guesser when to slow down, and silence makes an honest phone
// wait 32 s. Here a right guess during the back-off looks wrong, so the guesser throws it away.
package auth
