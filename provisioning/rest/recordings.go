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
	add(list, "list-recordings", "List the recordings that the asker may know of", "application/json", "number", "party", "name", "group", "label", "note", "case", "from", "to", "state", "limit", "cursor")
	add(list+"/{id}", "get-recording", "What is known of a recording, with its manifest", "application/json")
	add(list+"/{id}/audio", "play-recording", "The audio, under an approved listening request: 16-bit PCM WAV, left the caller, right the called side; ranges are served, as a stream or (download=1) as a file", "audio/wav", "download")
	add(list+"/{id}/tracks/{track}", "play-track", "The voice of one party alone, where more than two spoke: the manifest lists them; WAV of G.711 or 16-bit PCM, ranges are served", "audio/wav", "download")
	add(list+"/{id}/peaks", "get-recording-peaks", "The waveform: of each step the loudest moment of either side, 0 to 255; for who may hear it", "application/json")
	a.describeEvidence()
}

// describeEvidence adds the one route there that is no GET.
func (a *api) describeEvidence() {
	redaction := &huma.Schema{Type: "object", Required: []string{"from_ms", "to_ms", "side", "reason"}, Properties: map[string]*huma.Schema{
		"from_ms": {Type: "integer"}, "to_ms": {Type: "integer"}, "side": {Type: "string", Enum: []any{"caller", "called", "both"}}, "reason": {Type: "string"}}}
	order := &huma.Schema{Type: "object", Required: []string{"purpose"}, Properties: map[string]*huma.Schema{
		"purpose": {Type: "string", Description: "Stands in the pack and in the audit log"}, "redactions": {Type: "array", Items: redaction}}}
	op := &huma.Operation{OperationID: "export-recording", Method: http.MethodPost, Path: "/v1/domains/{domain}/recordings/{id}/evidence", Tags: []string{"recordings"},
		Summary:     "An evidence pack: audio, manifest, notice, the audit log's part with proofs, signed; what is redacted is silence. pbx verify checks it offline",
		Parameters:  []*huma.Param{parameter("domain", "path"), parameter("id", "path")},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: order}}},
		Responses: map[string]*huma.Response{
			"200":     {Description: "OK", Content: map[string]*huma.MediaType{"application/zip": {Schema: &huma.Schema{}}}},
			"default": {Description: "Problem (RFC 9457)", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{}}}},
		}}
	a.huma.OpenAPI().AddOperation(op)
}

func parameter(name, in string) *huma.Param {
	return &huma.Param{Name: name, In: in, Required: in == "path", Schema: &huma.Schema{Type: "string"}}
}
