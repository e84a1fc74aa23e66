package ldap

import (
	"slices"
	"strings"

	"naisen/provisioning"
	"naisen/provisioning/book"
)

// classes of an entry (RFC 2798).
var classes = []string{"top", "person", "organizationalPerson", "inetOrgPerson"}

// known is an attribute that telephones ask for.
type known struct {
	name   string // as it is written in answers
	field  book.Field
	kinds  []string // of numbers; nil: it is none
	values func(*book.Entry) []string
}

// attributes by their name in lower case. Names are found by their reading and in rōmaji too, whichever attribute of the name is asked for.
var attributes = map[string]known{
	"objectclass":              {name: "objectClass", values: func(*book.Entry) []string { return classes }},
	"uid":                      {name: "uid", values: func(e *book.Entry) []string { return []string{e.ID} }},
	"cn":                       {name: "cn", values: nameOf},
	"displayname":              {name: "displayName", values: nameOf},
	"sn":                       {name: "sn", values: func(e *book.Entry) []string { f, _ := twoNames(e.Name); return one(f) }},
	"givenname":                {name: "givenName", values: func(e *book.Entry) []string { _, g := twoNames(e.Name); return one(g) }},
	phonetic:                   {name: "msDS-PhoneticDisplayName", values: func(e *book.Entry) []string { return one(e.Reading) }},
	"ou":                       {name: "ou", field: book.FieldDepartment, values: func(e *book.Entry) []string { return one(e.Department) }},
	"department":               {name: "department", field: book.FieldDepartment, values: func(e *book.Entry) []string { return one(e.Department) }},
	"mail":                     {name: "mail", field: book.FieldEmail, values: func(e *book.Entry) []string { return one(e.Email) }},
	"description":              {name: "description", field: book.FieldDepartment, values: func(e *book.Entry) []string { return one(e.Department) }},
	"telephonenumber":          number("telephoneNumber", provisioning.NumberWork, provisioning.NumberExtension, provisioning.NumberOther),
	"ipphone":                  number("ipPhone", provisioning.NumberExtension),
	"mobile":                   number("mobile", provisioning.NumberMobile),
	"homephone":                number("homePhone", provisioning.NumberHome),
	"facsimiletelephonenumber": number("facsimileTelephoneNumber", provisioning.NumberFax),
}

const phonetic = "msds-phoneticdisplayname"

// spoken is the customary name of a reading: an option of displayName (RFC 3866, and as Apple's directories have it).
const spoken = "displayName;lang-ja;phonetic"

// usual is what is given when nothing, or everything, is asked for, in this order.
var usual = []string{"objectclass", "uid", "cn", "sn", "givenname", "displayname", phonetic, "ou", "mail", "telephonenumber", "ipphone", "mobile", "homephone", "facsimiletelephonenumber"}

func nameOf(e *book.Entry) []string { return one(e.Name) }

func one(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// twoNames are family and given name, as a Japanese name is written; a name of one word is the family's.
func twoNames(s string) (family, given string) {
	family, given, _ = strings.Cut(strings.ReplaceAll(s, "\u3000", " "), " ")
	return family, strings.TrimSpace(given)
}

func number(name string, kinds ...string) known {
	return known{name: name, field: book.FieldNumber, kinds: kinds, values: func(e *book.Entry) (out []string) {
		for _, n := range e.Numbers {
			if slices.Contains(kinds, n.Kind) {
				out = append(out, book.Dialled(n.Number))
			}
		}
		return out
	}}
}

// chosen are the attributes of e that were asked for (RFC 4511 section 4.5.1.8). Names are answered as they were asked for.
func chosen(e *book.Entry, want []string) (out []attribute) {
	all := len(want) == 0 || slices.Contains(want, "*")
	given := map[string]bool{}
	add := func(key, as string) {
		a, ok := attributes[key]
		if !ok || given[strings.ToLower(as)] {
			return
		}
		given[strings.ToLower(as)] = true
		if v := a.values(e); len(v) > 0 {
			out = append(out, attribute{as, v})
		}
	}
	if all {
		for _, key := range usual {
			add(key, attributes[key].name)
		}
		add(phonetic, spoken)
	}
	for _, name := range want {
		key := attributeName(name)
		switch lower := strings.ToLower(name); {
		case strings.HasSuffix(lower, ";phonetic") && (key == "displayname" || key == "cn"):
			add(phonetic, name)
		case strings.Contains(lower, ";phonetic"): // sn and givenName have no reading of their own
		default:
			add(key, name)
		}
	}
	return out
}

// baseOf is the root of a domain's directory: dc=pbx,dc=example,dc=jp (RFC 2247).
func baseOf(domain string) string { return "dc=" + strings.ReplaceAll(domain, ".", ",dc=") }

// dnOf is an entry's name.
func dnOf(e *book.Entry, base string) string {
	return "uid=" + strings.NewReplacer("+", `\+`, ",", `\,`).Replace(e.ID) + "," + base
}

// plainDN brings a name into one form: small letters, no blanks around commas and equal signs.
func plainDN(s string) string {
	parts := strings.Split(strings.ToLower(s), ",")
	for i, p := range parts {
		name, value, _ := strings.Cut(p, "=")
		parts[i] = strings.TrimSpace(name) + "=" + strings.TrimSpace(value)
	}
	if s == "" {
		return ""
	}
	return strings.Join(parts, ",")
}

// accountOf reads whose bind it is: account@domain, or a name such as cn=account,dc=pbx,dc=example,dc=jp.
func accountOf(name string) (account, domain string, ok bool) {
	if len(name) > 512 {
		return "", "", false
	}
	if account, domain, ok = strings.Cut(name, "@"); ok && !strings.Contains(name, "=") {
		return account, strings.ToLower(domain), account != ""
	}
	first, rest, _ := strings.Cut(plainDN(name), ",")
	attr, account, _ := strings.Cut(first, "=")
	if attr != "cn" && attr != "uid" || account == "" {
		return "", "", false
	}
	var labels []string
	for part := range strings.SplitSeq(rest, ",") {
		label, ok := strings.CutPrefix(part, "dc=")
		if !ok && strings.HasPrefix(part, "ou=") && len(labels) == 0 {
			continue
		}
		if !ok || label == "" {
			return "", "", false
		}
		labels = append(labels, label)
	}
	return account, strings.Join(labels, "."), true
}
