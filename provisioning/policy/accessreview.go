package policy

import "naisen/provisioning"

// accessReviewRows are about what people may do, asked again each quarter.
func accessReviewRows() []row {
	return []row{
		grant(AccessReviewRead, provisioning.KindAccessReview, admin, auditor, manager),
		grant(AccessReviewAnswer, provisioning.KindAccessReview, admin, manager),
	}
}
