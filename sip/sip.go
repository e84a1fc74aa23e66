// Package sip holds the words of the signalling plane that other folders use: URI, Address and Cause.
// Its sub-packages speak the protocol. It never imports a SIP library, never opens a socket and never sees media.
package sip

// Param is one ;name=value of a URI or header. A parameter without "=" has an empty Value and Flag set.
type Param struct {
	Name  string // lower case
	Value string // unescaped and unquoted
	Flag  bool   // no "=" was present, as in ;lr
}

// Params keeps the order in which parameters arrived: some peers compare them as text.
type Params []Param

// URI is a SIP, SIPS or tel URI (RFC 3261 section 19.1, RFC 3966).
type URI struct {
	Scheme  string // "sip", "sips" or "tel", lower case
	User    string // unescaped; for tel the number
	Host    string // lower case, an IPv6 literal without its brackets; empty for tel
	Port    int    // 0: not given
	Params  Params
	Headers Params // the part after "?", as in Refer-To
}

// Address is a name-addr or addr-spec with its header parameters, as in From, To, Contact and Route (RFC 3261 section 20.10).
type Address struct {
	Display string // unquoted
	URI     URI
	Params  Params
}

// Cause says why a call, leg or request ended: the SIP status and the ITU-T Q.850 cause that belong together (RFC 3326, RFC 4497).
type Cause struct {
	Status int    // SIP status code, 200 when an answered call ended normally
	Q850   int    // 0: unknown
	Text   string // for logs and the Reason header; never a secret, never from an untrusted peer unescaped
}
