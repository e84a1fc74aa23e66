package redact

// kind is what may be shown of a header field.
type kind int

const (
	unknown     kind = iota // its name alone
	plain                   // all of it: it names nobody and opens nothing. WWW-Authenticate is the question, not the answer
	named                   // URIs: without what addresses hides
	identity                // likewise, and nothing where the caller wants not to be named
	way                     // where a message goes on. Who stands before the host is a token of a proxy's own (RFC 5626 section 5.2), ours too: by it a request is let through
	proof                   // the scheme alone
	length                  // that of the body as shown
	privacy                 // plain, and it says what the others may
	contentType             // plain, and it says what the body is
)

// kinds of header fields by their names in lower case, compact ones too (RFC 3261 section 7.3.3 and the IANA registry). What is not here is unknown.
var kinds = func() map[string]kind {
	out := map[string]kind{"content-length": length, "privacy": privacy, "content-type": contentType}
	for k, names := range map[kind][]string{
		plain: {
			"via", "call-id", "cseq", "max-forwards", "content-encoding", "content-disposition", "content-language", "mime-version",
			"accept", "accept-encoding", "accept-language", "allow", "allow-events", "supported", "require", "proxy-require", "unsupported", "expires", "min-expires",
			"date", "timestamp", "user-agent", "server", "warning", "reason", "retry-after", "priority", "event", "subscription-state", "session-expires",
			"min-se", "rseq", "rack", "recv-info", "info-package", "www-authenticate", "proxy-authenticate", "accept-contact", "reject-contact", "request-disposition",
			"answer-mode", "p-early-media", "flow-timer", "sip-etag", "sip-if-match", "organization", "refer-sub", "norefersub", "require-media",
		},
		named:    {"from", "to", "contact", "p-called-party-id", "diversion", "history-info", "referred-by", "refer-to", "replaces", "reply-to", "p-associated-uri"},
		identity: {"p-asserted-identity", "p-preferred-identity", "remote-party-id"},
		way:      {"route", "record-route", "path", "service-route"},
		proof:    {"authorization", "proxy-authorization"},
	} {
		for _, name := range names {
			out[name] = k
		}
	}
	for short, long := range compact {
		out[short] = out[long]
	}
	return out
}()

// compact are the short names of header fields.
var compact = map[string]string{
	"a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition", "e": "content-encoding", "f": "from", "i": "call-id",
	"j": "reject-contact", "k": "supported", "l": "content-length", "m": "contact", "n": "identity-info", "o": "event", "r": "refer-to", "s": "subject",
	"t": "to", "u": "allow-events", "v": "via", "x": "session-expires", "y": "identity",
}

// secretParameters are those of URIs and contacts that open something: where to wake a telephone (RFC 8599), and what is called so.
var secretParameters = map[string]bool{
	"pn-prid": true, "pn-purr": true, "token": true, "access_token": true, "key": true, "secret": true, "password": true, "authorization": true, "proxy-authorization": true,
}

// attributes are those of SDP that hold no key: shown as they are. A fingerprint is one of a certificate, which everybody sees (RFC 8122).
var attributes = func() map[string]bool {
	out := map[string]bool{}
	for _, name := range []string{
		"rtpmap", "fmtp", "ptime", "maxptime", "sendrecv", "sendonly", "recvonly", "inactive", "rtcp", "rtcp-mux", "rtcp-mux-only", "rtcp-rsize", "rtcp-fb",
		"rtcp-xr", "ssrc", "ssrc-group", "mid", "group", "candidate", "remote-candidates", "end-of-candidates", "ice-lite", "ice-options", "ice-ufrag", "setup",
		"connection", "fingerprint", "tls-id", "record", "recordpref", "label", "msid", "msid-semantic", "extmap", "extmap-allow-mixed", "silencesupp", "curr", "des",
		"conf", "content", "lang", "rtcp-fb-trr-int", "t38faxversion", "t38maxbitrate", "t38faxfillbitremoval", "t38faxtranscodingmmr", "t38faxtranscodingjbig",
		"t38faxratemanagement", "t38faxmaxbuffer", "t38faxmaxdatagram", "t38faxudpec", "t38maxdatagram", "bundle-only", "direction", "nortpproxy",
	} {
		out[name] = true
	}
	return out
}()
