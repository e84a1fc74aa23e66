// Package ng drives rtpengine by its ng control protocol: a cookie, a blank and a bencoded dictionary in one UDP datagram each way. It never
// touches media.
package ng

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// ErrBencode: not bencode, or more of it than an answer may have.
var ErrBencode = errors.New("ng: malformed bencode")

const (
	maxDepth = 16
	maxValue = 64 << 10 // octets: one datagram
)

// encode writes strings, ints, lists of strings and dictionaries, their keys in order as bencode wants them.
func encode(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case string:
		fmt.Fprintf(b, "%d:%s", len(v), v)
	case int:
		fmt.Fprintf(b, "i%de", v)
	case []string:
		b.WriteByte('l')
		for _, s := range v {
			encode(b, s)
		}
		b.WriteByte('e')
	case map[string]any:
		b.WriteByte('d')
		for _, k := range slices.Sorted(maps.Keys(v)) {
			encode(b, k)
			encode(b, v[k])
		}
		b.WriteByte('e')
	}
}

// decode reads one value: string, int, []any or map[string]any. ErrBencode, also for what follows the value.
func decode(b []byte) (any, error) {
	if len(b) > maxValue {
		return nil, ErrBencode
	}
	v, rest, err := value(b, 0)
	if err == nil && len(rest) > 0 {
		err = ErrBencode
	}
	return v, err
}

func value(b []byte, depth int) (any, []byte, error) {
	if len(b) == 0 || depth > maxDepth {
		return nil, nil, ErrBencode
	}
	switch b[0] {
	case 'i':
		digits, rest, ok := bytes.Cut(b[1:], []byte{'e'})
		n, err := strconv.Atoi(string(digits))
		if !ok || err != nil {
			return nil, nil, ErrBencode
		}
		return n, rest, nil
	case 'l':
		var list []any
		for b = b[1:]; len(b) > 0 && b[0] != 'e'; {
			v, rest, err := value(b, depth+1)
			if err != nil {
				return nil, nil, err
			}
			list, b = append(list, v), rest
		}
		return list, after(b), ended(b)
	case 'd':
		return dictionary(b[1:], depth)
	}
	return text(b)
}

func dictionary(b []byte, depth int) (any, []byte, error) {
	d := map[string]any{}
	for len(b) > 0 && b[0] != 'e' {
		k, rest, err := text(b)
		if err != nil {
			return nil, nil, err
		}
		v, rest, err := value(rest, depth+1)
		if err != nil {
			return nil, nil, err
		}
		d[k.(string)], b = v, rest
	}
	return d, after(b), ended(b)
}

// ended says whether a list or dictionary came to its end, and after is what follows it.
func ended(b []byte) error {
	if len(b) == 0 {
		return ErrBencode
	}
	return nil
}

func after(b []byte) []byte { return b[min(1, len(b)):] }

func text(b []byte) (any, []byte, error) {
	digits, rest, ok := bytes.Cut(b, []byte{':'})
	n, err := strconv.Atoi(string(digits))
	if !ok || err != nil || n < 0 || n > len(rest) {
		return nil, nil, ErrBencode
	}
	return string(rest[:n]), rest[n:], nil
}
