package scim

import (
	"net/http"
	"strings"
)

// discover answers what a client asks about the server itself (RFC 7644 section 4). Filters are refused there.
func discover(c client, q request) (answer, error) {
	if q.query.Get("filter") != "" {
		return answer{}, refused(http.StatusForbidden)
	}
	switch q.endpoint {
	case "ServiceProviderConfig":
		if q.id == "" {
			return answer{status: http.StatusOK, body: providerConfig(c)}, nil
		}
	case "ResourceTypes":
		return oneOf(q.id, []map[string]any{userType.body(c), groupType.body(c)}, "name")
	case "Schemas":
		var all []map[string]any
		for _, s := range []schema{userSchema, enterpriseSchema, naisenSchema, groupSchema} {
			all = append(all, s.body(c))
		}
		return oneOf(q.id, all, "id")
	}
	return answer{}, noResource()
}

// oneOf is the one of a name, or all of them as a list.
func oneOf(id string, all []map[string]any, key string) (answer, error) {
	list := []any{}
	for _, x := range all {
		if name, _ := x[key].(string); id != "" && strings.EqualFold(name, id) {
			return answer{status: http.StatusOK, body: x}, nil
		}
		list = append(list, x)
	}
	if id != "" {
		return answer{}, noResource()
	}
	return answer{status: http.StatusOK, body: map[string]any{"schemas": []string{urnList}, "totalResults": len(list), "startIndex": 1, "itemsPerPage": len(list), "Resources": list}}, nil
}

// providerConfig says what is served (RFC 7643 section 5).
func providerConfig(c client) map[string]any {
	yes, no := map[string]any{"supported": true}, map[string]any{"supported": false}
	return map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"},
		"patch":   yes, "changePassword": no, "sort": no, "etag": yes,
		"bulk":   map[string]any{"supported": true, "maxOperations": maxBulk, "maxPayloadSize": maxBody},
		"filter": map[string]any{"supported": true, "maxResults": maxPage},
		"authenticationSchemes": []any{map[string]any{"type": "oauthbearertoken", "name": "Bearer", "primary": true,
			"description": "The secret of a provisioner, made by POST /v1/domains/DOMAIN/provisioners/NAME/secret", "specUri": "https://www.rfc-editor.org/info/rfc6750"}},
		"meta": map[string]any{"resourceType": "ServiceProviderConfig", "location": c.base() + "/ServiceProviderConfig"},
	}
}

func (t *resourceType) body(c client) map[string]any {
	extensions := []any{}
	for _, s := range t.extensions {
		extensions = append(extensions, map[string]any{"schema": s.urn, "required": false})
	}
	return map[string]any{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ResourceType"}, "id": t.name, "name": t.name, "endpoint": t.endpoint,
		"description": t.core.doc, "schema": t.core.urn, "schemaExtensions": extensions,
		"meta": map[string]any{"resourceType": "ResourceType", "location": c.base() + "/ResourceTypes/" + t.name}}
}

func (s schema) body(c client) map[string]any {
	return map[string]any{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Schema"}, "id": s.urn, "name": s.name, "description": s.doc,
		"attributes": described(s.attributes), "meta": map[string]any{"resourceType": "Schema", "location": c.base() + "/Schemas/" + s.urn}}
}

// described are attributes as RFC 7643 section 7 has them.
func described(list []attribute) []any {
	out := make([]any, len(list))
	for i, a := range list {
		m := map[string]any{"name": a.name, "type": a.kind, "multiValued": a.many, "description": "", "required": a.required, "mutability": "readWrite", "returned": "default"}
		if a.readOnly {
			m["mutability"] = "readOnly"
		}
		if a.kind == text || a.kind == reference {
			m["caseExact"], m["uniqueness"] = a.exact, "none"
		}
		if a.kind == reference {
			m["referenceTypes"] = []string{"uri"}
		}
		if a.name == "userName" {
			m["uniqueness"], m["mutability"] = "server", "immutable"
		}
		if a.kind == composite {
			m["subAttributes"] = described(a.sub)
		}
		out[i] = m
	}
	return out
}
