package ldap

// Operations: the application tags of RFC 4511 section 4.2 and on.
const (
	opBind         = 0x60
	opBindDone     = 0x61
	opUnbind       = 0x42
	opSearch       = 0x63
	opSearchEntry  = 0x64
	opSearchDone   = 0x65
	opAbandon      = 0x50
	opExtended     = 0x77
	opExtendedDone = 0x78
)

// otherRequests are the operations that a directory for reading refuses, with the tag of their answer.
var otherRequests = map[byte]byte{0x66: 0x67, 0x68: 0x69, 0x4a: 0x6b, 0x6c: 0x6d, 0x6e: 0x6f}

// Results (RFC 4511 appendix A.1).
const (
	resultSuccess            = 0
	resultProtocolError      = 2
	resultTimeLimit          = 3
	resultSizeLimit          = 4
	resultAuthNotSupported   = 7
	resultConfidentiality    = 13
	resultNoSuchObject       = 32
	resultInvalidDN          = 34
	resultInvalidCredentials = 49
	resultInsufficient       = 50
	resultBusy               = 51
	resultUnavailableCrit    = 12
	resultUnwilling          = 53
	resultOther              = 80
)

const (
	oidStartTLS   = "1.3.6.1.4.1.1466.20037"
	oidDisconnect = "1.3.6.1.4.1.1466.20036"
)

// message is a request as it was read.
type message struct {
	id       int
	op       element
	critical bool // a control that we do not know must be heeded
}

// parseMessage reads an LDAPMessage (RFC 4511 section 4.1.1).
func parseMessage(b []byte) (message, error) {
	e, rest, err := cut(b)
	if err != nil || len(rest) > 0 || e.tag != tagSequence {
		return message{}, errBER
	}
	r := &reader{rest: e.body}
	m := message{id: r.integer(tagInteger), op: r.any()}
	if r.more() {
		controls := &reader{rest: r.expect(0xa0), err: r.err}
		for controls.more() {
			c := &reader{rest: controls.expect(tagSequence)}
			c.text(tagOctets)
			if c.more() && c.rest[0] == tagBoolean {
				m.critical = c.boolean() || m.critical
			}
			if c.err != nil {
				return message{}, errBER
			}
		}
		if controls.err != nil {
			return message{}, errBER
		}
	}
	if r.err != nil || len(r.rest) > 0 {
		return message{}, errBER
	}
	return m, nil
}

// bind is a BindRequest (RFC 4511 section 4.2).
type bind struct {
	version int
	name    string
	secret  []byte
	simple  bool
}

func parseBind(b []byte) (bind, error) {
	r := &reader{rest: b}
	q := bind{version: r.integer(tagInteger), name: r.text(tagOctets)}
	auth := r.any()
	if r.err != nil || len(r.rest) > 0 {
		return bind{}, errBER
	}
	q.simple, q.secret = auth.tag == 0x80, auth.body
	return q, nil
}

// Scopes of a search.
const (
	scopeBase     = 0
	scopeOne      = 1
	scopeSubtree  = 2
	scopeChildren = 3 // draft-sermersheim-ldap-subordinate-scope
)

// search is a SearchRequest (RFC 4511 section 4.5.1).
type search struct {
	base      string
	scope     int
	sizeLimit int
	timeLimit int // seconds
	typesOnly bool
	filter    filter
	want      []string
}

func parseSearch(b []byte) (search, error) {
	r := &reader{rest: b}
	q := search{base: r.text(tagOctets), scope: r.integer(tagEnumerated)}
	r.integer(tagEnumerated) // aliases: there are none
	q.sizeLimit, q.timeLimit, q.typesOnly = r.integer(tagInteger), r.integer(tagInteger), r.boolean()
	f := r.any()
	list := &reader{rest: r.expect(tagSequence)}
	for list.more() {
		q.want = append(q.want, list.text(tagOctets))
		if len(q.want) > maxList {
			return search{}, errBER
		}
	}
	if r.err != nil || list.err != nil || len(r.rest) > 0 || q.scope > scopeChildren {
		return search{}, errBER
	}
	items := 0
	var err error
	q.filter, err = parseFilter(f, 0, &items)
	return q, err
}

// answer is a result of any operation (RFC 4511 section 4.1.9), inside its message.
func answer(id int, tag byte, result int, text string, more ...[]byte) []byte {
	parts := append([][]byte{putInteger(tagEnumerated, result), putText(tagOctets, ""), putText(tagOctets, text)}, more...)
	return put(tagSequence, putInteger(tagInteger, id), put(tag, parts...))
}

// attribute is one of an entry, with its values.
type attribute struct {
	name   string
	values []string
}

// entryMessage is a SearchResultEntry with the attributes that were asked for.
func entryMessage(id int, dn string, list []attribute, typesOnly bool) []byte {
	var attributes [][]byte
	for _, a := range list {
		var values [][]byte
		for _, v := range a.values {
			if !typesOnly {
				values = append(values, putText(tagOctets, v))
			}
		}
		attributes = append(attributes, put(tagSequence, putText(tagOctets, a.name), put(tagSet, values...)))
	}
	return put(tagSequence, putInteger(tagInteger, id), put(opSearchEntry, putText(tagOctets, dn), put(tagSequence, attributes...)))
}
