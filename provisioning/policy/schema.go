package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go/types"

	"naisen/provisioning"
)

// Entity types of who asks. What is asked about has a type for each kind: see typeOf.
const (
	typeUser       types.EntityType = "User"
	typeRole       types.EntityType = "Role"
	typeDepartment types.EntityType = "Department"
	typeAction     types.EntityType = "Action"
)

// typeHeard is a recording where somebody hears it or takes it away: only there is more known of it than its key.
const typeHeard types.EntityType = "Heard"

// object is the type of what a row's action is done to.
func (r row) object() types.EntityType {
	switch r.action {
	case RecordingListen, RecordingDownload, RecordingExport:
		return typeHeard
	}
	return typeOf(r.kind)
}

// typeOf is a kind of object in Cedar's words: "short-numbers" is ShortNumbers. Where that would be a type of who asks, it is the record of it.
func typeOf(kind string) types.EntityType {
	var b strings.Builder
	for word := range strings.SplitSeq(kind, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	switch t := types.EntityType(b.String()); t {
	case typeUser, typeRole, typeDepartment:
		return t + "Record"
	default:
		return t
	}
}

// attribute is something that a statement may speak of, by its name. Of one name there is one meaning, whatever has it.
type attribute uint32

const (
	attrName attribute = 1 << iota
	attrRoles
	attrDepartment
	attrContractor
	attrTags
	attrKey
	attrOwner
	attrClass
	attrLabel
	attrNumber
	attrTime
	attrDate
	attrMinute
	attrWeekday
	attrOpen
	attrHoliday
	attrAddress
	attrSite
	attrDevice
	attrClient
	attrACR
	attrAMR
	attrAge
	attrAdminOf
	attrTelephonyOf
)

// word is an attribute by the word that stands in a statement's text.
type word struct {
	attribute attribute
	name      string
	typ       string // in the schema
	optional  bool
}

// personWords, contextWords: what is known of who asks, and of the moment.
func personWords() []word {
	return []word{{attrName, "name", "String", false}, {attrRoles, "roles", "Set<String>", false}, {attrDepartment, "department", "String", true},
		{attrContractor, "contractor", "Bool", false}, {attrAdminOf, overWord(admin), "Set<Department>", false}, {attrTelephonyOf, overWord(telephony), "Set<Department>", false}}
}

func contextWords() []word {
	return []word{{attrTime, "time", "datetime", false}, {attrDate, "date", "String", false}, {attrMinute, "minute", "Long", false}, {attrWeekday, "weekday", "String", false},
		{attrOpen, "open", "Set<String>", false}, {attrHoliday, "holiday", "Set<String>", false}, {attrAddress, "address", "ipaddr", true}, {attrSite, "site", "String", true},
		{attrDevice, "device", "String", true}, {attrClient, "client", "String", true}, {attrACR, "acr", "String", true}, {attrAMR, "amr", "Set<String>", false}, {attrAge, "age", "Long", true}}
}

// objectWords are what is known of an object of a type. A statement of a domain may speak of an attribute only where every operation asks anew once it is
// known.
func objectWords(t types.EntityType) []word {
	w := []word{{attrKey, "key", "String", false}}
	switch t {
	case typeOf(provisioning.KindExtension), typeOf(provisioning.KindUser):
		w = append(w, word{attrOwner, "owner", "User", true}, word{attrDepartment, "department", "String", true})
	case typeOf(KindNumber):
		w = append(w, word{attrClass, "class", "String", false})
	case typeHeard:
		w = append(w, word{attrLabel, "label", "String", true}, word{attrNumber, "number", "String", true})
	}
	return w
}

// wordsIn are the attributes that a statement's text speaks of, or seems to.
func wordsIn(text string) (a attribute) {
	for _, w := range slices.Concat(personWords(), contextWords(), objectWords(typeOf(provisioning.KindExtension)), objectWords(typeOf(KindNumber)), objectWords(typeHeard)) {
		if strings.Contains(text, w.name) {
			a |= w.attribute
		}
	}
	if strings.Contains(text, "Tag(") {
		a |= attrTags
	}
	return a
}

func shape(words []word) string {
	var b strings.Builder
	for _, w := range words {
		mark := ""
		if w.optional {
			mark = "?"
		}
		fmt.Fprintf(&b, "  %s%s: %s,\n", w.name, mark, w.typ)
	}
	return "{\n" + b.String() + "}"
}

// Schema is what statements of a domain may speak of, in Cedar's language for schemas.
func (t *Table) Schema() string { return t.schema(objectWords) }

// ownWords are what the table's own statements speak of besides: whose anything is.
func ownWords(t types.EntityType) []word {
	w := objectWords(t)
	if !slices.ContainsFunc(w, func(w word) bool { return w.attribute == attrOwner }) {
		w = append(w, word{attrOwner, "owner", "User", true})
	}
	return w
}

func (t *Table) schema(objectWords func(types.EntityType) []word) string {
	var b strings.Builder
	fmt.Fprintf(&b, "entity Role;\nentity Department;\n\n// Who asks. Tags: what the identity service says of the person or the device.\nentity User in [Role, Department] %s tags String;\n", shape(personWords()))
	var all []types.EntityType
	for _, r := range t.order {
		if !slices.Contains(all, r.object()) {
			all = append(all, r.object())
		}
	}
	slices.Sort(all)
	for _, o := range all {
		in := ""
		if departmental(o) {
			in = " in [Department]"
		}
		fmt.Fprintf(&b, "\nentity %s%s %s;\n", o, in, shape(objectWords(o)))
	}
	fmt.Fprintf(&b, "\n// The moment, in Japan: minute since midnight, weekday mon to sun; open and holiday are the calendars in that mode; age: seconds since they showed who they are.\ntype Asked = %s;\n\n",
		shape(contextWords()))
	for _, r := range t.order {
		fmt.Fprintf(&b, "action %q appliesTo { principal: [User], resource: [%s], context: Asked };\n", string(r.action), r.object())
	}
	return b.String()
}

// departmental says that objects of a type belong to departments.
func departmental(t types.EntityType) bool {
	switch t {
	case typeOf(provisioning.KindExtension), typeOf(provisioning.KindUser), typeOf(provisioning.KindGroup), typeOf(provisioning.KindDID), typeOf(provisioning.KindSettings):
		return true
	}
	return false
}
