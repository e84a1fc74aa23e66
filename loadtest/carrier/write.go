package carrier

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// draft is a message of ours before it is written.
type draft struct {
	start  string
	name   string // as Message.Name
	fields []Field
	body   []byte
	kind   string // of the body; "application/sdp" when empty and there is one
}

// headers makes fields of name and value in turn.
func headers(pairs ...string) (out []Field) {
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, Field{Name: pairs[i], Value: pairs[i+1]})
	}
	return out
}

// text writes it. The length of the body stands as "*" so that a test can change the body, or the length alone.
func (u *UA) text(d draft) []byte {
	var b strings.Builder
	b.WriteString(d.start + "\r\n")
	fields := d.fields
	if len(d.body) > 0 {
		kind := d.kind
		if kind == "" {
			kind = "application/sdp"
		}
		fields = append(fields[:len(fields):len(fields)], Field{Name: "Content-Type", Value: kind})
	}
	for _, f := range append(fields[:len(fields):len(fields)], Field{Name: "Content-Length", Value: "*"}) {
		fmt.Fprintf(&b, "%s: %s\r\n", u.spelled(f.Name), f.Value)
	}
	text := b.String() + "\r\n" + string(d.body)
	if u.opts.Tamper != nil {
		text = u.opts.Tamper(d.name, text)
	}
	_, body, _ := strings.Cut(text, "\r\n\r\n")
	for _, name := range []string{"Content-Length: ", "l: "} {
		text = strings.Replace(text, "\r\n"+name+"*\r\n", "\r\n"+name+strconv.Itoa(len(body))+"\r\n", 1)
	}
	return []byte(text)
}

// spelled is the name as this peer writes it.
func (u *UA) spelled(name string) string {
	if u.profile.Compact {
		for short, long := range compact {
			if strings.EqualFold(long, name) {
				return short
			}
		}
	}
	return name
}

// word is a random token for tags, branches and Call-IDs.
func word() string {
	var b [9]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// ours are the lines on every request outside a dialog and within: how we are reached and what we understand.
func (u *UA) ours(method string) (out []Field) {
	switch method {
	case "INVITE", "UPDATE", "OPTIONS", "REFER", "REGISTER", "SUBSCRIBE":
		uri := u.contactURI()
		if method == "REGISTER" && u.opts.Bulk {
			uri += ";bnc"
		}
		out = append(out, Field{Name: "Contact", Value: "<" + uri + ">"})
	}
	if method == "INVITE" && u.profile.RecordRoute {
		out = append(out, Field{Name: "Record-Route", Value: u.route()})
	}
	if method == "INVITE" || method == "OPTIONS" || method == "UPDATE" {
		out = append(out, Field{Name: "Allow", Value: strings.Join(u.profile.Allow, ", ")})
		if len(u.profile.Offers) > 0 {
			out = append(out, Field{Name: "Supported", Value: strings.Join(u.profile.Offers, ",")})
		}
	}
	return out
}

// route is the Record-Route of a peer that stays in the path.
func (u *UA) route() string { return "<sip:" + u.sentBy() + ";transport=tls;lr>" }

// contactURI is where we are reached.
func (u *UA) contactURI() string {
	s := "sip:"
	if u.opts.User != "" {
		s += u.opts.User + "@"
	}
	s += u.opts.Host
	if u.udp == nil && !strings.Contains(s[4:], ":") {
		s += fmt.Sprintf(":%d", u.opts.Local.Port())
	}
	if u.udp == nil {
		s += ";transport=tls"
	}
	return s
}

// sentBy is our name in Via, which a response can be sent to.
func (u *UA) sentBy() string {
	if u.udp == nil && !strings.Contains(u.opts.Host, ":") {
		return fmt.Sprintf("%s:%d", u.opts.Host, u.opts.Local.Port())
	}
	return u.opts.Host
}
