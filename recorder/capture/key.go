package capture

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"reflect"
	"runtime"
	"unsafe"
)

// keyPlace is how much a cipher with its key takes at most: the round keys of AES-256 in both directions and the table of GHASH, 768 bytes in Go 1.26.
const keyPlace = 1024

// errNoCipher says that this machine's cipher keeps its key where it could not be destroyed. Nothing is held in memory then.
var errNoCipher = errors.New("capture: no cipher whose key can be destroyed")

// newCipher makes AES-256-GCM with a random key that stands in place alone: memory of ours, outside of the collector's heap, that can be locked and
// cleared. The library has no way to destroy a key, so the cipher is moved as it was made, by its size and without looking into it, and where it was
// made is cleared. The cipher must not be used once place was cleared.
func newCipher(place []byte) (cipher.AEAD, error) {
	secret := place[:32] // until the cipher takes its place
	rand.Read(secret)
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err == nil {
		aead, err = move(aead, place)
	}
	return aead, errors.Join(err, wipe(block))
}

// move puts what a cipher points to into place, and clears where it was.
func move(a cipher.AEAD, place []byte) (cipher.AEAD, error) {
	here, t, err := bytesOf(a)
	if err != nil {
		return nil, err
	}
	if len(here) > len(place) {
		clear(here)
		return nil, errNoCipher
	}
	copy(place, here)
	clear(here)
	runtime.KeepAlive(a)
	moved, ok := reflect.NewAt(t, unsafe.Pointer(&place[0])).Interface().(cipher.AEAD)
	if !ok {
		return nil, errNoCipher
	}
	return moved, nil
}

// wipe clears what a cipher points to.
func wipe(a any) error {
	b, _, err := bytesOf(a)
	clear(b)
	runtime.KeepAlive(a)
	return err
}

// bytesOf is the memory of what a points to. Where that points to more, which could not be moved or cleared with it, it is an error.
func bytesOf(a any) ([]byte, reflect.Type, error) {
	v := reflect.ValueOf(a)
	if v.Kind() != reflect.Pointer || !flat(v.Type().Elem()) {
		return nil, nil, errNoCipher
	}
	t := v.Type().Elem()
	return unsafe.Slice((*byte)(v.UnsafePointer()), t.Size()), t, nil
}

// flat says that a type holds numbers only.
func flat(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if !flat(t.Field(i).Type) {
				return false
			}
		}
		return true
	case reflect.Array:
		return flat(t.Elem())
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32,
		reflect.Uint64, reflect.Uintptr:
		return true
	default:
		return false
	}
}
