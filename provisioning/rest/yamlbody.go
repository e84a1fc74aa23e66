package rest

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/danielgtaylor/huma/v2"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Bounds of a YAML body. The parser nests as deep as the text asks it to, and every level is a call: a level takes a bracket, or begins
// further to the right than the one around it.
const (
	yamlBytes    = 256 << 10
	yamlBrackets = 4096
	yamlColumns  = 128
)

// yamlFormat reads and writes bodies as YAML 1.2, for people who keep menus and other settings as text. It is JSON written otherwise:
// what JSON cannot say (anchors, aliases, tags, several documents) is refused, and then the rules of JSON bodies hold.
func yamlFormat(format huma.Format) huma.Format {
	return huma.Format{
		Marshal: func(w io.Writer, v any) error {
			var text bytes.Buffer
			if err := format.Marshal(&text, v); err != nil {
				return err
			}
			out, err := yaml.JSONToYAML(text.Bytes())
			if err == nil {
				_, err = w.Write(out)
			}
			return err
		},
		Unmarshal: func(data []byte, v any) error {
			text, err := jsonOf(data)
			if err != nil {
				return err
			}
			return format.Unmarshal(text, v)
		},
	}
}

func jsonOf(data []byte) ([]byte, error) {
	if json.Valid(data) { // which YAML 1.2 is too
		return data, nil
	}
	if err := boundYAML(data); err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil || len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, &bodyError{"body", "is not one YAML document"}
	}
	var p plain
	ast.Walk(&p, file.Docs[0].Body)
	if p.refused {
		return nil, &bodyError{"body", "has an anchor, an alias, a tag or a merge key, which JSON has not"}
	}
	text, err := yaml.YAMLToJSON(data)
	if err != nil {
		return nil, &bodyError{"body", "is not YAML that JSON can say"}
	}
	return text, nil
}

func boundYAML(data []byte) error {
	if len(data) > yamlBytes {
		return &bodyError{"body", "is too long for YAML: send it as JSON"}
	}
	if bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) > yamlBrackets {
		return &bodyError{"body", "has too many brackets for YAML: send it as JSON"}
	}
	for line := range bytes.Lines(data) {
		if len(line)-len(bytes.TrimLeft(line, " \t-?:")) > yamlColumns {
			return &bodyError{"body", "is nested too deep"}
		}
	}
	return nil
}

// plain sees whether a document keeps to what JSON has.
type plain struct{ refused bool }

// Visit implements ast.Visitor.
func (p *plain) Visit(n ast.Node) ast.Visitor {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		p.refused = true
		return nil
	}
	return p
}
