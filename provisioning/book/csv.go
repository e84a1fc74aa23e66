package book

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"naisen/provisioning"
	"naisen/provisioning/table"
)

// Fault is what is wrong with one field of one line.
type Fault = table.Fault

func fault(line int, column, reason string) Fault {
	return Fault{Line: line, Column: column, Reason: reason}
}

// MaxFaults bounds the faults that one reading of a file tells.
const MaxFaults = table.MaxFaults

// columns are what the first line may name, in English or Japanese.
var columns = map[string]string{
	"id": "id", "name": "name", "reading": "reading", "romaji": "romaji", "department": "department", "email": "email", "note": "note",
	"work": provisioning.NumberWork, "extension": provisioning.NumberExtension, "mobile": provisioning.NumberMobile, "home": provisioning.NumberHome,
	"fax": provisioning.NumberFax, "other": provisioning.NumberOther, "roles": "roles", "departments": "departments",
	"番号": "id", "氏名": "name", "名前": "name", "よみがな": "reading", "ふりがな": "reading", "フリガナ": "reading", "カナ": "reading", "ローマ字": "romaji",
	"部署": "department", "所属": "department", "メール": "email", "メールアドレス": "email", "備考": "note", "電話": provisioning.NumberWork,
	"電話番号": provisioning.NumberWork, "内線": provisioning.NumberExtension, "携帯": provisioning.NumberMobile, "自宅": provisioning.NumberHome,
	"ファックス": provisioning.NumberFax, "FAX": provisioning.NumberFax, "その他": provisioning.NumberOther, "公開ロール": "roles", "公開部署": "departments",
}

// ReadCSV reads contacts from a file with a first line of column names, in UTF-8 or, as Japanese spreadsheets write it, Shift_JIS. Several
// numbers, roles or departments in one field stand apart by ";". A line without an id gets one that is made of its name, reading and first
// number, so that the same file twice changes nothing. Either all contacts come back, or the faults: at most MaxFaults of them.
func ReadCSV(text []byte) ([]provisioning.Contact, []Fault) {
	text, ok := table.Decode(text)
	if !ok {
		return nil, []Fault{fault(1, "", "is neither UTF-8 nor Shift_JIS")}
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		return nil, []Fault{fault(1, "", "must name the columns")}
	}
	head = slices.Clone(head)
	if faults := checkHead(head); faults != nil {
		return nil, faults
	}
	var out []provisioning.Contact
	var faults []Fault
	seen := map[string]int{}
	for len(faults) < MaxFaults {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var wrong *csv.ParseError
		switch {
		case errors.As(err, &wrong) && errors.Is(err, csv.ErrFieldCount):
			faults = append(faults, fault(wrong.StartLine, "", fmt.Sprintf("has %d fields, the first line %d", len(record), len(head))))
			continue
		case errors.As(err, &wrong): // where the next line begins cannot be known
			return nil, append(faults, fault(wrong.StartLine, "", "has a quotation mark in the wrong place"))
		case err != nil:
			return nil, append(faults, fault(1, "", "cannot be read"))
		}
		line, _ := r.FieldPos(0)
		if len(out) == provisioning.MaxContacts {
			return nil, append(faults, fault(line, "", fmt.Sprintf("is one more than the %d that a file may have", provisioning.MaxContacts)))
		}
		c := contactOf(head, record)
		if fault, ok := faultOf(c, head, line); ok {
			faults = append(faults, fault)
			continue
		}
		if first, ok := seen[c.ID]; ok {
			faults = append(faults, fault(line, "id", fmt.Sprintf("is that of line %d too", first)))
			continue
		}
		seen[c.ID] = line
		out = append(out, c)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return out, nil
}

func checkHead(head []string) []Fault {
	names := map[string]bool{}
	for i, title := range head {
		name := columns[strings.TrimSpace(title)]
		if name == "" {
			return []Fault{fault(1, clip(title), "is no column that is known")}
		}
		if names[name] {
			return []Fault{fault(1, clip(title), "is there twice")}
		}
		names[name] = true
		head[i] = strings.TrimSpace(title)
	}
	if !names["name"] {
		return []Fault{fault(1, "name", "is missing")}
	}
	return nil
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40])
	}
	return s
}

func contactOf(head, record []string) (c provisioning.Contact) {
	first := ""
	for i, title := range head {
		value := strings.TrimSpace(record[i])
		switch name := columns[title]; name {
		case "id":
			c.ID = strings.Clone(value)
		case "name":
			c.Name = strings.Clone(value)
		case "reading":
			c.Reading = strings.Clone(value)
		case "romaji":
			c.Romaji = strings.Clone(value)
		case "department":
			c.Department = strings.Clone(value)
		case "email":
			c.Email = strings.Clone(value)
		case "note":
			c.Note = strings.Clone(value)
		case "roles":
			for _, r := range split(value) {
				c.Visible.Roles = append(c.Visible.Roles, provisioning.Role(r))
			}
		case "departments":
			c.Visible.Departments = split(value)
		default:
			for _, n := range split(value) {
				c.Numbers = append(c.Numbers, provisioning.ContactNumber{Kind: name, Number: n})
			}
		}
	}
	if len(c.Numbers) > 0 {
		first = Normal("", c.Numbers[0].Number)
	}
	if c.ID == "" {
		sum := sha256.Sum256([]byte(c.Name + "\n" + c.Reading + "\n" + first))
		c.ID = "c-" + hex.EncodeToString(sum[:8])
	}
	return c
}

// maxParts is one more than any list of a contact may have: Validate refuses it, and the rest of the field is not even looked at.
const maxParts = 65

func split(s string) (out []string) {
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ';' || r == '；' || r == '\n' }) {
		if part = strings.TrimSpace(part); part != "" {
			if out = append(out, strings.Clone(part)); len(out) == maxParts {
				break
			}
		}
	}
	return out
}

// faultOf names the column of what Validate finds.
func faultOf(c provisioning.Contact, head []string, line int) (Fault, bool) {
	var bad *provisioning.Invalid
	if !errors.As(c.Validate(), &bad) {
		return Fault{}, false
	}
	name, index, _ := strings.Cut(bad.Field, "[")
	switch {
	case name == "numbers":
		text, _, _ := strings.Cut(index, "]")
		if i, err := strconv.Atoi(text); err == nil && i < len(c.Numbers) {
			name = c.Numbers[i].Kind
		}
	case strings.HasPrefix(name, "visible."):
		name = strings.TrimPrefix(name, "visible.")
	}
	for _, title := range head {
		if columns[title] == name {
			return fault(line, title, bad.Reason), true
		}
	}
	return fault(line, name, bad.Reason), true
}
