package rest

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// describeRecordings adds the routes of the recorder's playback, which is mounted beside this API and asks the same policy, to the
// document, so that a client finds everything in one place.
func (a *api) describeRecordings() {
	const list = "/v1/domains/{domain}/recordings"
	add := func(path, id, summary, content string, query ...string) {
		op := &huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Tags: []string{"recordings"},
			Responses: map[string]*huma.Response{
				"200":     {Description: "OK", Content: map[string]*huma.MediaType{content: {Schema: &huma.Schema{}}}},
				"default": {Description: "Problem (RFC 9457)", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{}}}},
			}}
		op.Parameters = append(op.Parameters, parameter("domain", "path"))
		if path != list {
			op.Parameters = append(op.Parameters, parameter("id", "path"))
		}
		if strings.HasSuffix(path, "/{track}") {
			op.Parameters = append(op.Parameters, parameter("track", "path"))
		}
		for _, q := range query {
			op.Parameters = append(op.Parameters, parameter(q, "query"))
		}
		a.huma.OpenAPI().AddOperation(op)
	}
	add(list, "list-recordings", "List the recordings that the asker may know of", "application/json", "number", "party", "from", "to", "state", "limit", "cursor")
	add(list+"/{id}", "get-recording", "What is known of a recording, with its manifest", "application/json")
	add(list+"/{id}/audio", "play-recording", "The audio: 16-bit PCM WAV, left the caller, right the called side; ranges are served", "audio/wav")
	add(list+"/{id}/tracks/{track}", "play-track", "The voice of one party alone, where more than two spoke: the manifest lists them; WAV of G.711 or 16-bit PCM, ranges are served", "audio/wav")
}

func parameter(name, in string) *huma.Param {
	return &huma.Param{Name: name, In: in, Required: in == "path", Schema: &huma.Schema{Type: "string"}}
}
