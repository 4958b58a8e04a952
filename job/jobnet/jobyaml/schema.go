package jobyaml

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"

	"github.com/bantoops/banto/job/jobnet"
)

// object is a JSON object; encoding sorts its members.
type object = map[string]any

// Schema gives the JSON Schema (2020-12) of definitions, for editors.
func Schema() []byte {
	defs := object{}
	for _, w := range []where{inJobnet, inFolder, inParam, inDefaults, inHanded, inPart, inRetry, inExit, inLimits, inLost, inKeep, inGroup, inAccount, inUser, inHosts, inWait} {
		defs[defName(w)] = mappingSchema(w)
	}
	// Better errors in editors than oneOf.
	kinds := ref(inJobnet)
	for _, w := range []where{inAccount, inGroup, inFolder} {
		kinds = object{"if": object{"required": []string{string(w)}}, "then": ref(w), "else": kinds}
	}
	root := object{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"$id":         "https://github.com/bantoops/banto/definition.schema.json",
		"title":       "Banto definition",
		"description": "One YAML document: a jobnet, a folder, a host group or an account.",
		"$defs":       defs,
	}
	maps.Copy(root, kinds)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if e.Encode(root) != nil {
		return nil // texts and lists always encode
	}
	return b.Bytes()
}

func defName(w where) string { return strings.ReplaceAll(string(w), " ", "-") }

func ref(w where) object { return object{"$ref": "#/$defs/" + defName(w)} }

func mappingSchema(w where) object {
	properties := object{}
	for _, k := range keys() {
		for _, in := range k.in {
			if in == w {
				properties[k.name] = k.schema()
			}
		}
	}
	s := object{"type": "object", "additionalProperties": false, "properties": properties}
	switch w {
	case inJobnet:
		s["required"] = []string{"jobnet", "parts"}
	case inFolder:
		s["required"] = []string{"folder"}
	case inPart:
		s["oneOf"] = kindsRequired()
	case inRetry:
		s["required"] = []string{"attempts"}
	case inLost:
		s["required"] = []string{"then"}
	case inGroup:
		s["required"] = []string{"group", "hosts"}
	case inAccount:
		s["required"] = []string{"account", "users"}
	case inUser:
		s["required"] = []string{"user"}
	case inHosts:
		s["required"] = []string{"labels"}
	case inParam:
		s["type"] = []string{"object", "null"}
	}
	return s
}

func (k *key) schema() object {
	if k.later {
		return object{"not": object{}, "description": "Not supported by this version."}
	}
	kind := k.typ.kind()
	s := object{"description": k.en}
	switch {
	case kind.each && kind.inner == inParam:
		s["type"], s["propertyNames"], s["additionalProperties"] = "object", envName(), ref(kind.inner)
	case kind.each:
		s["type"], s["additionalProperties"] = "object", ref(kind.inner)
	case kind.inner != "":
		s["$ref"] = ref(kind.inner)["$ref"]
	default:
		for name, v := range kind.schema().(object) {
			s[name] = v
		}
	}
	return s
}

func scalar() any { return object{"type": []string{"string", "number", "boolean"}} }

func envName() object { return object{"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"} }

func anys(words []string) []any {
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = w
	}
	return out
}

// kindsRequired says that a part has exactly one of the keys that are kinds.
func kindsRequired() []any {
	out := make([]any, 0, len(jobnet.Kinds()))
	for _, k := range jobnet.Kinds() {
		out = append(out, object{"required": []string{string(k)}})
	}
	return out
}
