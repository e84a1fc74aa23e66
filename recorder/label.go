package recorder

// Labels are all of them, the highest first.
func Labels() []Label { return []Label{Restricted, Internal, Public} }

// Or is the label, where one that is not known is the highest.
func (l Label) Or() Label {
	if l == Internal || l == Public {
		return l
	}
	return Restricted
}
