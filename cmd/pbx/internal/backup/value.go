package backup

import (
	"encoding/binary"
	"fmt"
)

// Marks of values. Numbers are zigzag varints; texts and octets come with their length.
const (
	valNil   = 'n'
	valInt   = 'i'
	valText  = 's'
	valBytes = 'b'
	valFalse = 'f'
	valTrue  = 't'
)

// appendRow writes values: nil, int64, string, []byte, bool.
func appendRow(out []byte, values []any) ([]byte, error) {
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			out = append(out, valNil)
		case int64:
			out = binary.AppendVarint(append(out, valInt), v)
		case string:
			out = append(binary.AppendUvarint(append(out, valText), uint64(len(v))), v...)
		case []byte:
			out = append(binary.AppendUvarint(append(out, valBytes), uint64(len(v))), v...)
		case bool:
			mark := byte(valFalse)
			if v {
				mark = valTrue
			}
			out = append(out, mark)
		default:
			return nil, fmt.Errorf("backup: a value of %T", v)
		}
	}
	return out, nil
}

// parseRow reads as many values as into has, and nothing after them. Octets are a part of body.
func parseRow(body []byte, into []any) error {
	bad := fmt.Errorf("%w: a row cannot be read", ErrAltered)
	for i := range into {
		if len(body) == 0 {
			return bad
		}
		mark := body[0]
		body = body[1:]
		switch mark {
		case valNil:
			into[i] = nil
		case valFalse, valTrue:
			into[i] = mark == valTrue
		case valInt:
			n, used := binary.Varint(body)
			if used <= 0 {
				return bad
			}
			into[i], body = n, body[used:]
		case valText, valBytes:
			n, used := binary.Uvarint(body)
			if used <= 0 || n > uint64(len(body)-used) {
				return bad
			}
			text := body[used : used+int(n)]
			body = body[used+int(n):]
			if into[i] = text; mark == valText {
				into[i] = string(text)
			}
		default:
			return bad
		}
	}
	if len(body) > 0 {
		return bad
	}
	return nil
}
