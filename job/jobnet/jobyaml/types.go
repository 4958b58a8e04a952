package jobyaml

import "github.com/bantoops/banto/job/jobnet"

// valueType is what may stand behind a key.
type valueType string

const (
	typePath       valueType = "path"
	typeText       valueType = "text"
	typeScript     valueType = "script"
	typeExpression valueType = "expression"
	typeArgs       valueType = "arguments"
	typeTexts      valueType = "texts"
	typeAfter      valueType = "edges"
	typeJoin       valueType = "join"
	typeBoolean    valueType = "boolean"
	typeInteger    valueType = "integer"
	typeNumber     valueType = "number"
	typeDuration   valueType = "duration"
	typeZone       valueType = "time zone"
	typeOnError    valueType = "on-error"
	typeShell      valueType = "shell"
	typeHost       valueType = "host"
	typeType       valueType = "type"
	typeValue      valueType = "value"
	typeCodes      valueType = "exit codes"
	typeEnv        valueType = "variables"
	typeSets       valueType = "declarations"
	typeParams     valueType = "parameters"
	typeParts      valueType = "parts"
	typeDefaults   valueType = "defaults"
	typeHanded     valueType = "folder defaults"
	typeRetry      valueType = "retry"
	typeExit       valueType = "exit"
)

// kindOfValue is what a type looks like in words and in a schema.
type kindOfValue struct {
	en, ja string
	inner  where // of a mapping with keys of its own
	each   bool  // a mapping of names to such mappings
	schema func() any
}

func (t valueType) kind() kindOfValue {
	text := func() any { return object{"type": "string"} }
	switch t {
	case typePath:
		return kindOfValue{en: "a path", ja: "パス", schema: func() any { return object{"type": "string", "minLength": 1, "maxLength": 250} }}
	case typeText, typeZone, typeExpression:
		return kindOfValue{en: "a text", ja: "文字列", schema: scalar}
	case typeScript:
		return kindOfValue{en: "a script", ja: "スクリプト", schema: text}
	case typeHost:
		return kindOfValue{en: "the name of a host", ja: "ホストの名前", schema: text}
	case typeArgs:
		return kindOfValue{en: "a list of texts", ja: "文字列の並び", schema: func() any {
			return object{"type": "array", "minItems": 1, "items": scalar()}
		}}
	case typeTexts:
		return kindOfValue{en: "a list of texts", ja: "文字列の並び", schema: func() any {
			return object{"type": "array", "minItems": 1, "items": scalar()}
		}}
	case typeAfter:
		return kindOfValue{en: "a part, or a list of parts", ja: "部品、またはその並び", schema: func() any {
			return object{"oneOf": []any{text(), object{"type": "array", "items": text(), "uniqueItems": true}}}
		}}
	case typeValue:
		return kindOfValue{en: "a value, or a list", ja: "値、または並び", schema: func() any {
			return object{"oneOf": []any{scalar(), object{"type": "array", "items": scalar()}}}
		}}
	case typeCodes:
		return kindOfValue{en: "exit codes such as 0, 1-3, 4- or a list", ja: "0、1-3、4- のような終了コード、またはその並び", schema: func() any {
			one := object{"type": []string{"integer", "string"}, "pattern": "^ *[0-9]+(-[0-9]*)?( *, *[0-9]+(-[0-9]*)?)* *$"}
			return object{"oneOf": []any{one, object{"type": "array", "items": one, "minItems": 1}}}
		}}
	case typeEnv:
		return kindOfValue{en: "names with texts", ja: "名前と文字列の対応", schema: func() any {
			return object{"type": "object", "propertyNames": envName(), "additionalProperties": scalar()}
		}}
	case typeSets:
		return kindOfValue{en: "names with types, or a list of names", ja: "名前と型の対応、または名前の並び", schema: func() any {
			return object{"oneOf": []any{
				object{"type": "object", "additionalProperties": object{"enum": append([]any{nil}, anys(typeNames(false))...)}},
				object{"type": "array", "items": text()},
			}}
		}}
	}
	return t.plainKind()
}

// plainKind is kind for words and numbers.
func (t valueType) plainKind() kindOfValue {
	word := func(words ...string) func() any {
		return func() any { return object{"enum": words} }
	}
	switch t {
	case typeJoin:
		return kindOfValue{en: "all or any", ja: "all か any", schema: word("all", "any")}
	case typeOnError:
		return kindOfValue{en: "end or wait", ja: "end か wait", schema: word("end", "wait")}
	case typeShell:
		return kindOfValue{en: "sh or bash", ja: "sh か bash", schema: word("sh", "bash")}
	case typeType:
		return kindOfValue{en: "a type", ja: "型", schema: word(typeNames(true)...)}
	case typeBoolean:
		return kindOfValue{en: "true or false", ja: "true か false", schema: func() any { return object{"type": "boolean"} }}
	case typeInteger:
		return kindOfValue{en: "an integer", ja: "整数", schema: func() any { return object{"type": "integer"} }}
	case typeNumber:
		return kindOfValue{en: "a number", ja: "数", schema: func() any { return object{"type": "number"} }}
	case typeDuration:
		return kindOfValue{en: "a duration such as 30m, 1h30m or 2d", ja: "30m、1h30m、2d のような時間", schema: func() any {
			return object{"type": "string", "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$", "minLength": 2}
		}}
	}
	return t.mappingKind()
}

// mappingKind is kind for mappings with keys of their own.
func (t valueType) mappingKind() kindOfValue {
	switch t {
	case typeParams:
		return kindOfValue{en: "names with parameters", ja: "名前とパラメータの対応", inner: inParam, each: true}
	case typeParts:
		return kindOfValue{en: "names with parts", ja: "名前と部品の対応", inner: inPart, each: true}
	case typeDefaults:
		return kindOfValue{en: "a mapping", ja: "対応", inner: inDefaults}
	case typeHanded:
		return kindOfValue{en: "a mapping", ja: "対応", inner: inHanded}
	case typeRetry:
		return kindOfValue{en: "a mapping", ja: "対応", inner: inRetry}
	case typeExit:
		return kindOfValue{en: "a mapping", ja: "対応", inner: inExit}
	}
	return kindOfValue{en: "a value", ja: "値"}
}

// typeNames lists the names of the types, with choice for parameters.
func typeNames(param bool) []string {
	names := []string{}
	for _, t := range []jobnet.Type{jobnet.String, jobnet.Integer, jobnet.Number, jobnet.Boolean, jobnet.DateT, jobnet.List, jobnet.Choice} {
		if t != jobnet.Choice || param {
			names = append(names, string(t))
		}
	}
	return names
}
