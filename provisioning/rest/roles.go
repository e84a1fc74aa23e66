package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// roleInfo is one role. Roles are the program's, not a domain's: they are read here, and given by writing a user.
type roleInfo struct {
	Name   provisioning.Role `json:"name"`
	Rights []right           `json:"rights" nullable:"false"`
}

type right struct {
	Action provisioning.Action `json:"action"`
	Own    bool                `json:"own,omitempty" doc:"To one's own objects only"`
	Over   bool                `json:"department,omitempty" doc:"Also where the role is given for a department"`
}

func (a *api) registerRoles() {
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/roles", "list-roles", "List the roles and what each may do",
		rule{action: policy.RoleRead, kind: policy.KindRole, domain: "domain"}), a.listRoles)
}

// listRoles asks the table itself, so that the answer cannot differ from what it decides. What the domain's own policies add stands in them.
func (a *api) listRoles(_ context.Context, in *DomainPath) (*pageOutput[roleInfo], error) {
	const somebody = "somebody"
	table := policy.New()
	out := &pageOutput[roleInfo]{Body: page[roleInfo]{Items: []roleInfo{}}}
	for _, role := range provisioning.Roles() {
		info := roleInfo{Name: role, Rights: []right{}}
		s := provisioning.Subject{Domain: in.Domain, User: somebody, Roles: []provisioning.Role{role}}
		for _, action := range table.Actions() {
			o := provisioning.Object{Domain: in.Domain, Kind: table.ObjectKind(action)}
			all := table.Decide(s, action, o).Allowed
			o.Owner = somebody
			if all || table.Decide(s, action, o).Allowed {
				info.Rights = append(info.Rights, right{Action: action, Own: !all, Over: table.OverDepartment(role, action)})
			}
		}
		out.Body.Items = append(out.Body.Items, info)
	}
	return out, nil
}
