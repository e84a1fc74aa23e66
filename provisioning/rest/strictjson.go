package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// maxDepth is how deep a body may nest: the deepest entity has two levels.
const maxDepth = 16

// maxBody bounds a JSON body, in bytes.
const maxBody = 1 << 20

// bodyError is a fault in a JSON body and where it is: "body.to[2]". Its text starts so that finishProblem can take it apart.
type bodyError struct{ at, reason string }

const atPrefix = "at "

func (e *bodyError) Error() string { return atPrefix + e.at + ": " + e.reason }

// strictUnmarshal is json.Unmarshal that refuses members given twice (RFC 8259 section 4 leaves it open who wins), nesting beyond
// maxDepth, numbers beyond float64, and anything after the value. huma reads a body twice: into *any, where it checks the schema
// and refuses unknown members, then into the struct. The first time is the time to look.
func strictUnmarshal(data []byte, v any) error {
	if _, first := v.(*any); first {
		if err := scan(data); err != nil {
			return err
		}
	}
	err := json.Unmarshal(data, v)
	var t *json.UnmarshalTypeError
	if errors.As(err, &t) {
		return &bodyError{"body." + t.Field, "is a JSON " + t.Value + ", which does not fit"}
	}
	return err
}

// container is one level of nesting.
type container struct {
	array bool
	index int
	seen  map[string]bool
	key   string // the member whose value comes next; "" in an object: a key comes
	value bool
}

func scan(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var stack []container
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			if len(stack) > 0 {
				return &bodyError{place(stack), "ends too early"}
			}
			return nil
		}
		if err != nil {
			return &bodyError{place(stack), "is not JSON"}
		}
		if stack, err = step(stack, t); err != nil {
			return err
		}
		if len(stack) == 0 { // json.Unmarshal refuses what follows
			return nil
		}
	}
}

func step(stack []container, t json.Token) ([]container, error) {
	if delim, ok := t.(json.Delim); ok && (delim == '}' || delim == ']') {
		stack = stack[:len(stack)-1]
		return done(stack), nil
	}
	if n := len(stack); n > 0 && !stack[n-1].array && !stack[n-1].value {
		key, _ := t.(string)
		top := &stack[n-1]
		top.key, top.value = key, true
		fold := strings.ToLower(key) // encoding/json takes a member in any case
		if top.seen[fold] {
			return stack, &bodyError{place(stack), "is given twice"}
		}
		top.seen[fold] = true
		return stack, nil
	}
	switch t := t.(type) {
	case json.Delim:
		if len(stack) >= maxDepth {
			return stack, &bodyError{place(stack), "nests too deep"}
		}
		return append(stack, container{array: t == '[', seen: map[string]bool{}}), nil
	case json.Number:
		if _, err := t.Float64(); err != nil {
			return stack, &bodyError{place(stack), "is a number out of range"}
		}
	}
	return done(stack), nil
}

// done says that the value at the top's place is complete.
func done(stack []container) []container {
	if n := len(stack); n > 0 {
		stack[n-1].index++
		stack[n-1].value = false
	}
	return stack
}

func place(stack []container) string {
	var b strings.Builder
	b.WriteString("body")
	for i := range stack {
		c := &stack[i]
		switch {
		case c.array:
			b.WriteString("[" + strconv.Itoa(c.index) + "]")
		case c.value:
			b.WriteString("." + c.key)
		}
	}
	return b.String()
}
