package phonexml

import (
	"bytes"
	"encoding/xml"
	"text/template"

	"naisen/provisioning"
	"naisen/provisioning/book"
)

// format is one make of telephones as data.
type format struct {
	limit int // entries of one document
	text  *template.Template
}

// formats by their name in the path. Every value goes through x, which escapes it; kind says how a make calls a kind of number.
var formats = map[string]format{
	// Yealink: remote phone book.
	"yealink": {book.MaxPage, document(nil, `<YealinkIPPhoneDirectory>{{range .Entries}}
<DirectoryEntry><Name>{{x .Name}}</Name>{{range .Numbers}}<Telephone label="{{kind .Kind}}">{{x .Number}}</Telephone>{{end}}</DirectoryEntry>{{end}}
</YealinkIPPhoneDirectory>
`)},
	// Grandstream: XML phonebook.
	"grandstream": {book.MaxPage, document(map[string]string{provisioning.NumberMobile: "Cell", provisioning.NumberHome: "Home", provisioning.NumberFax: "Fax", "": "Work"}, `<AddressBook>
<version>1</version>{{range .Entries}}
<Contact><id>{{.Index}}</id><FirstName>{{x .Given}}</FirstName><LastName>{{x .Family}}</LastName><Department>{{x .Department}}</Department><Email>{{x .Email}}</Email>{{range .Numbers}}<Phone type="{{kind .Kind}}"><phonenumber>{{x .Number}}</phonenumber><accountindex>0</accountindex></Phone>{{end}}</Contact>{{end}}
</AddressBook>
`)},
	// Cisco: a screenful, the next one by a soft key.
	"cisco": {32, document(nil, `<CiscoIPPhoneDirectory>
<Title>{{x .Title}}</Title>{{range .Entries}}{{$name := .Name}}{{range .Numbers}}
<DirectoryEntry><Name>{{x $name}}</Name><Telephone>{{x .Number}}</Telephone></DirectoryEntry>{{end}}{{end}}{{if .Next}}
<SoftKeyItem><Name>Next</Name><URL>{{x .Next}}</URL><Position>2</Position></SoftKeyItem>{{end}}
</CiscoIPPhoneDirectory>
`)},
	// Panasonic: XML phonebook of the KX-HDV and KX-UT telephones.
	"panasonic": {book.MaxPage, document(map[string]string{provisioning.NumberMobile: "mobile", provisioning.NumberHome: "home", provisioning.NumberExtension: "ext", "": "company"}, `<ppxml xmlns="http://panasonic/sip_phone">
<Screen version="2.0"><PhoneBook version="2.0">{{range .Entries}}
<Personnel id="{{.Index}}"><Name>{{x .Name}}</Name><PhoneNums>{{range .Numbers}}<PhoneNum type="{{kind .Kind}}">{{x .Number}}</PhoneNum>{{end}}</PhoneNums></Personnel>{{end}}
</PhoneBook></Screen>
</ppxml>
`)},
	// Poly: directory of the telephone, an item for each number.
	"poly": {book.MaxPage, document(nil, `<directory>
<item_list>{{range .Entries}}{{$e := .}}{{range .Numbers}}
<item><ln>{{x $e.Family}}</ln><fn>{{x $e.Given}}</fn><ct>{{x .Number}}</ct></item>{{end}}{{end}}
</item_list>
</directory>
`)},
}

// document makes a template. kinds is how the make calls kinds of numbers, "" the others; nil: as we do.
func document(kinds map[string]string, body string) *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"x": escaped,
		"kind": func(k string) string {
			if kinds == nil {
				return k
			}
			if name, ok := kinds[k]; ok {
				return name
			}
			return kinds[""]
		},
	}).Parse(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + body))
}

func escaped(s string) (string, error) {
	var b bytes.Buffer
	err := xml.EscapeText(&b, []byte(s))
	return b.String(), err
}
