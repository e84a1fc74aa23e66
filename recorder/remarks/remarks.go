// Package remarks keeps what people decided about a recording (notes, numbers of cases, its label) beside it in the store, so that a lost catalogue gets
// it back. After a change there is a new small object, numbered, sealed to the domain's key and signed by this switch: sealing needs public keys only, and
// whoever has those could lower a label by it otherwise. It never decides who may write or read, and destroys nothing: such an object is locked, held and
// destroyed with its recording.
package remarks

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
)

// sheet is what is signed.
type sheet struct {
	Version int       `json:"version"`
	Domain  string    `json:"domain"`
	Object  string    `json:"object"` // the sealed audio that it belongs to
	Number  int       `json:"number"`
	Epoch   int       `json:"epoch"` // of the domain's key, or an earlier one
	Written time.Time `json:"written"`
	catalogue.Remarks
}

// signed is what is sealed.
type signed struct {
	Domain    string          `json:"domain"` // the vault's process opens what says whose it is
	Remarks   json.RawMessage `json:"remarks"`
	Signature []byte          `json:"signature"` // of purpose and the octets of Remarks
}

// purpose begins what is signed, so that no signature of anything else by the same key is one of these.
const purpose = "naisen remarks 1\n"

// maxSealed bounds a sealed object: age adds a header of some kilobytes, and 16 bytes to each 64 KiB.
const maxSealed = catalogue.MaxRemarks + 64<<10

var errLarge = errors.New("remarks: more than an object may hold")

// sign gives what is sealed.
func sign(s sheet, key ed25519.PrivateKey) ([]byte, error) {
	text, err := compact(s)
	if err != nil {
		return nil, err
	}
	text, err = compact(signed{s.Domain, text, ed25519.Sign(key, append([]byte(purpose), text...))})
	if err == nil && len(text) > catalogue.MaxRemarks {
		err = errLarge
	}
	return text, err
}

// compact is JSON without escapes that would make letters of people six times as long.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("remarks: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// check reads what was sealed. Whatever it is not leads to recorder.ErrIntegrity.
func check(text []byte, key ed25519.PublicKey, domain, object string, number int) (sheet, error) {
	var whole signed
	var s sheet
	switch {
	case len(text) > catalogue.MaxRemarks, json.Unmarshal(text, &whole) != nil:
		return s, fmt.Errorf("it is not what people decided: %w", recorder.ErrIntegrity)
	case !ed25519.Verify(key, append([]byte(purpose), whole.Remarks...), whole.Signature):
		return s, fmt.Errorf("it is not signed by this switch's key of evidence: %w", recorder.ErrIntegrity)
	case json.Unmarshal(whole.Remarks, &s) != nil, s.Version != 1:
		return s, fmt.Errorf("it is signed, and of a form that this version does not know: %w", recorder.ErrIntegrity)
	case s.Domain != domain, s.Object != object:
		return s, fmt.Errorf("it is of another recording, %s: %w", s.Object, recorder.ErrIntegrity)
	case s.Number != number:
		return s, fmt.Errorf("it is number %d under another name: %w", s.Number, recorder.ErrIntegrity)
	}
	return s, nil
}

// Reader finds what people decided about recordings in the store. All but Entered are required.
type Reader struct {
	Store objstore.Store
	Keys  catalogue.Opener
	Key   ed25519.PublicKey // of evidence, of this switch
	// Entered is the number of the newest object that a log that lasts knows of a recording; 0: none. nil: there is no such log here.
	Entered func(ctx context.Context, domain, recording string) (int, error)
}

// Refused is an object that has the name of what people decided, and is not.
type Refused struct{ Name, Why string }

// Found is what the store has of one recording.
type Found struct {
	catalogue.Remarks
	Number int       // of the newest that counts; 0: there is none
	Epoch  int       // of the key that it was sealed to
	Refuse []Refused // newer ones that do not count
	Behind int       // the number of a newer one that the log knows; 0: none
	Sure   bool      // the log knows of no newer one
}

// Newest finds what counts among the objects of a recording with these names. An object that is not what its name says is named and counts for nothing.
// Errors are those of the store, of the log, and seal's where nothing opens here (seal.ErrNoKey without recorder.ErrIntegrity).
func (r Reader) Newest(ctx context.Context, domain, recording, object string, names []string) (f Found, err error) {
	var numbers []int
	for _, n := range names {
		if number := catalogue.RemarksNumber(n); number > 0 && catalogue.ObjectOf(n) == object {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	for _, number := range slices.Backward(numbers) {
		name := catalogue.RemarksName(object, number)
		s, err := r.read(ctx, domain, object, name, number)
		switch {
		case errors.Is(err, objstore.ErrNotFound): // it was destroyed since it was listed
			continue
		case errors.Is(err, recorder.ErrIntegrity):
			f.Refuse = append(f.Refuse, Refused{name, err.Error()})
			continue
		case err != nil:
			return f, fmt.Errorf("%s: %w", name, err)
		}
		f.Remarks, f.Number, f.Epoch = s.Remarks, number, s.Epoch
		break
	}
	if r.Entered == nil {
		return f, nil
	}
	entered, err := r.Entered(ctx, domain, recording)
	if err != nil {
		return f, err
	}
	if f.Sure = f.Number >= entered; !f.Sure {
		f.Behind = entered
	}
	return f, nil
}

func (r Reader) read(ctx context.Context, domain, object, name string, number int) (sheet, error) {
	body, err := r.Store.Get(ctx, name, 0, maxSealed+1)
	if err != nil {
		return sheet{}, err
	}
	defer body.Close()
	plain, err := r.Keys.Open(ctx, domain, body)
	if err != nil {
		return sheet{}, err
	}
	text, err := io.ReadAll(io.LimitReader(plain, catalogue.MaxRemarks+1))
	if err != nil {
		return sheet{}, err
	}
	return check(text, r.Key, domain, object, number)
}
