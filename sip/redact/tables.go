package redact

// compact are the short names of header fields (RFC 3261 section 7.3.3 and the IANA registry), in lower case.
var compact = map[string]string{
	"a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition", "e": "content-encoding", "f": "from", "i": "call-id",
	"j": "reject-contact", "k": "supported", "l": "content-length", "m": "contact", "n": "identity-info", "o": "event", "r": "refer-to", "s": "subject",
	"t": "to", "u": "allow-events", "v": "via", "x": "session-expires", "y": "identity",
}

// plain are fields that name nobody and open nothing: shown as they are. WWW-Authenticate is the question, not the answer.
var plain = []string{
	"via", "call-id", "cseq", "max-forwards", "content-type", "content-length", "content-encoding", "content-disposition", "content-language", "mime-version",
	"accept", "accept-encoding", "accept-language", "allow", "allow-events", "supported", "require", "proxy-require", "unsupported", "expires", "min-expires",
	"date", "timestamp", "user-agent", "server", "warning", "reason", "retry-after", "priority", "privacy", "event", "subscription-state", "session-expires",
	"min-se", "rseq", "rack", "recv-info", "info-package", "www-authenticate", "proxy-authenticate", "accept-contact", "reject-contact", "request-disposition",
	"answer-mode", "p-early-media", "flow-timer", "sip-etag", "sip-if-match", "organization", "refer-sub", "norefersub", "require-media",
}

// named are fields with URIs: shown without what addresses hides.
var named = []string{
	"from", "to", "contact", "p-asserted-identity", "p-preferred-identity", "p-called-party-id",
	"remote-party-id", "diversion", "history-info", "referred-by", "refer-to", "replaces", "reply-to", "p-associated-uri",
}

// ways are fields that say where a message goes on. Who stands before the host in one is a token of the proxy's own (RFC 5626 section 5.2), ours too: by it a
// request is let through.
var ways = []string{"route", "record-route", "path", "service-route"}

// attributes are those of SDP that hold no key: shown as they are. A fingerprint is one of a certificate, which everybody sees (RFC 8122).
var attributes = []string{
	"rtpmap", "fmtp", "ptime", "maxptime", "sendrecv", "sendonly", "recvonly", "inactive", "rtcp", "rtcp-mux", "rtcp-mux-only", "rtcp-rsize", "rtcp-fb",
	"rtcp-xr", "ssrc", "ssrc-group", "mid", "group", "candidate", "remote-candidates", "end-of-candidates", "ice-lite", "ice-options", "ice-ufrag", "setup",
	"connection", "fingerprint", "tls-id", "record", "recordpref", "label", "msid", "msid-semantic", "extmap", "extmap-allow-mixed", "silencesupp", "curr", "des",
	"conf", "content", "lang", "rtcp-fb-trr-int", "t38faxversion", "t38maxbitrate", "t38faxfillbitremoval", "t38faxtranscodingmmr", "t38faxtranscodingjbig",
	"t38faxratemanagement", "t38faxmaxbuffer", "t38faxmaxdatagram", "t38faxudpec", "t38maxdatagram", "bundle-only", "direction", "nortpproxy",
}
