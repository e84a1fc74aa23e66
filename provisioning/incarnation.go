package provisioning

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
)

// incarnate is an entity with which something goes that is kept elsewhere: one that is made after another of the same key was deleted, however soon, must
// not get what belonged to that one.
type incarnate interface {
	Entity
	incarnated(as string) Entity
}

// Incarnate is the entity as a store is to write it: in place of old, which is of the same kind and key, it is the same one; without an old one (nil) it is
// new. What it says of itself does not count. Most entities are given back as they are.
func Incarnate(e Entity, old []byte) (Entity, error) {
	i, ok := e.(incarnate)
	if !ok {
		return e, nil
	}
	if old == nil {
		return i.incarnated(strings.ToLower(rand.Text()[:10])), nil
	}
	var before struct {
		Incarnation string `json:"incarnation"`
	}
	if err := json.Unmarshal(old, &before); err != nil {
		return nil, fmt.Errorf("provisioning: stored %s %s: %w", e.Kind(), e.Key(), err)
	}
	return i.incarnated(before.Incarnation), nil
}
