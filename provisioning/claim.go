package provisioning

import (
	"errors"
	"strings"
)

// Claim is a number that an entity has for itself: nobody else in the domain may have it, whatever kind it is of.
type Claim struct {
	Field  string // JSON name of the field that gives it
	Number string // as people inside dial it; empty: none
}

// claimant is a kind whose entities have numbers of their own.
type claimant struct {
	kind   string
	claims func(Entity) []Claim
	// owner is the key of the entity of the kind that has the number, but for the one whose key is but; empty: none.
	owner func(r Reader, domain, number, but string) (string, error)
}

// claimants are all kinds whose entities have numbers that people inside dial, or whose lamps they watch. A new kind is a line here:
// byKey where its key is its number, byField where numbers stand in other fields. Feature codes need none: they begin with * or #, which no
// number does.
func claimants() []claimant {
	return []claimant{
		byKey[Extension](same, same),
		byKey[Group](same, same),
		byKey[Conference](same, same),
		byKey[Queue](same, same),
		byKey[PagingGroup](same, same),
		byKey[DID](national, international),
		byField(ParkingLot.claims),
		byField(func(c Calendar) []Claim { return []Claim{{"number", c.Number}} }),
	}
}

// byKey is a kind whose key is its one number; dialled and key turn the one into the other, and give nothing where it has no such form.
func byKey[T Entity](dialled, key func(string) string) claimant {
	var zero T
	return claimant{kind: zero.Kind(),
		claims: func(e Entity) []Claim { return []Claim{{"number", dialled(e.Key())}} },
		owner: func(r Reader, domain, number, but string) (string, error) {
			k := key(number)
			if k == "" || k == but {
				return "", nil
			}
			_, err := r.Row(domain, zero.Kind(), k)
			if errors.Is(err, ErrNotFound) {
				return "", nil
			}
			return k, err
		}}
}

// byField is a kind whose numbers are not its key. Finding the owner of one reads all of the kind: it is for kinds that a domain has few of.
func byField[T Entity](claims func(T) []Claim) claimant {
	var zero T
	return claimant{kind: zero.Kind(),
		claims: func(e Entity) []Claim { return claims(e.(T)) },
		owner: func(r Reader, domain, number, but string) (string, error) {
			all, err := List[T](r, domain, "", 0)
			for _, e := range all {
				for _, c := range claims(e) {
					if c.Number == number && e.Key() != but {
						return e.Key(), nil
					}
				}
			}
			return "", err
		}}
}

// unclaimed refuses an entity a number that another one has. r has the state before it is written.
func unclaimed(r Reader, domain string, e Entity) error {
	all := claimants()
	for _, own := range all {
		if own.kind != e.Kind() {
			continue
		}
		for i, c := range own.claims(e) {
			for _, before := range own.claims(e)[:i] {
				if c.Number != "" && before.Number == c.Number {
					return &Invalid{Field: c.Field, Reason: "is there twice"}
				}
			}
			if err := c.free(r, domain, e, all); err != nil {
				return err
			}
		}
	}
	return nil
}

// free asks every kind for somebody else with the number.
func (c Claim) free(r Reader, domain string, e Entity, all []claimant) error {
	if c.Number == "" {
		return nil
	}
	for _, other := range all {
		but := ""
		if other.kind == e.Kind() {
			but = e.Key()
		}
		owner, err := other.owner(r, domain, c.Number, but)
		if err != nil {
			return err
		}
		if owner != "" {
			return &Invalid{Field: c.Field, Reason: "is taken by " + other.kind + " " + owner}
		}
	}
	return nil
}

func same(number string) string { return number }

// national is how people in the country dial an outside number of ours, inside too. Numbers of other countries have no such form.
func national(e164 string) string {
	if n, ok := strings.CutPrefix(e164, "+81"); ok {
		return "0" + n
	}
	return ""
}

func international(dialled string) string {
	if n, ok := strings.CutPrefix(dialled, "0"); ok {
		return "+81" + n
	}
	return ""
}
