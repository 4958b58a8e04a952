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
	typeName       valueType = "name"
	typePartPick   valueType = "pick of a part"
	typePick       valueType = "pick"
	typeEncoding   valueType = "encoding"
	typeRerun      valueType = "rerun"
	typeLimits     valueType = "limits"
	typeSize       valueType = "size"
	typePercent    valueType = "percent"
	typeHosts      valueType = "hosts"
	typeSomeHosts  valueType = "some hosts"
	typeLabels     valueType = "labels"
	typeUsers      valueType = "users"
	typeOnLost     valueType = "on-lost"
	typeLost       valueType = "then of on-lost"
	typeKeep       valueType = "keep"
	typeBranch     valueType = "ways"
	typeWait       valueType = "wait"
	typeClock      valueType = "time of the base day"
	typeOutcome    valueType = "outcome"
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
		return kindOfValue{en: "a host, a host group, or labels", ja: "ホスト、ホストグループ、またはラベル", schema: func() any {
			return object{"oneOf": []any{text(), object{"type": "object", "minProperties": 1, "additionalProperties": scalar()}}}
		}}
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
	case typeBranch:
		return kindOfValue{en: "outlets with conditions", ja: "出口と条件の対応", schema: func() any {
			return object{"type": "object", "minProperties": 1, "additionalProperties": scalar()}
		}}
	case typeSets:
		return kindOfValue{en: "names with types, or a list of names", ja: "名前と型の対応、または名前の並び", schema: func() any {
			return object{"oneOf": []any{
				object{"type": "object", "additionalProperties": object{"enum": append([]any{nil}, anys(typeNames(false))...)}},
				object{"type": "array", "items": text()},
			}}
		}}
	}
	return t.hostKind()
}

// hostKind is kind for what groups and accounts are made of.
func (t valueType) hostKind() kindOfValue {
	name := func() any {
		return object{"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]*$", "maxLength": 253}
	}
	switch t {
	case typeName:
		return kindOfValue{en: "a name", ja: "名前", schema: name}
	case typeHosts:
		return kindOfValue{en: "a list of hosts, or labels", ja: "ホストの並び、またはラベル", schema: func() any {
			return object{"oneOf": []any{object{"type": "array", "minItems": 1, "uniqueItems": true, "items": name()}, ref(inHosts)}}
		}}
	case typeSomeHosts:
		return kindOfValue{en: "a host, a host group, or labels", ja: "ホスト、ホストグループ、またはラベル", schema: func() any {
			return object{"oneOf": []any{name(), ref(inHosts)}}
		}}
	case typeLabels:
		return kindOfValue{en: "names with values", ja: "名前と値の対応", schema: func() any {
			label := "^[A-Za-z0-9][A-Za-z0-9_./-]{0,62}$"
			return object{"type": "object", "minProperties": 1, "propertyNames": object{"pattern": label}, "additionalProperties": scalar()}
		}}
	case typeOnLost:
		return kindOfValue{en: "wait, fail, rerun or rerun-jobnet, or a mapping", ja: "wait、fail、rerun、rerun-jobnet、または対応", schema: func() any {
			return object{"oneOf": []any{object{"enum": jobnet.OnLosts()}, ref(inLost)}}
		}}
	case typeUsers:
		return kindOfValue{en: "a list of mappings", ja: "対応の並び", schema: func() any {
			return object{"type": "array", "minItems": 1, "items": ref(inUser)}
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
		return kindOfValue{en: "sh, bash, pwsh, powershell or cmd", ja: "sh、bash、pwsh、powershell、cmd", schema: word(jobnet.Shells()...)}
	case typePartPick:
		return kindOfValue{en: "per-tracker or per-part", ja: "per-tracker か per-part", schema: word(partPicks()...)}
	case typePick:
		return kindOfValue{en: "least-loaded, round-robin, first-alive or all", ja: "least-loaded、round-robin、first-alive、all", schema: word(picks()...)}
	case typeRerun:
		return kindOfValue{en: "yes, ask or never", ja: "yes、ask、never", schema: word(reruns()...)}
	case typeOutcome:
		return kindOfValue{en: "ok, warning or error", ja: "ok、warning、error", schema: word(outcomes()...)}
	case typeLost:
		return kindOfValue{en: "wait, fail, rerun or rerun-jobnet", ja: "wait、fail、rerun、rerun-jobnet", schema: word(jobnet.OnLosts()...)}
	case typeEncoding:
		return kindOfValue{en: "an encoding", ja: "文字コード", schema: func() any { return object{"type": "string", "examples": jobnet.Encodings()} }}
	case typeSize:
		return kindOfValue{en: "a size such as 512M or 2G", ja: "512M、2G のような大きさ", schema: func() any {
			return object{"type": "string", "pattern": "^[0-9]+[KMG]$"}
		}}
	case typePercent:
		return kindOfValue{en: "a share such as 50% or 200%", ja: "50%、200% のような割合", schema: func() any {
			return object{"type": "string", "pattern": "^[0-9]+%$"}
		}}
	case typeType:
		return kindOfValue{en: "a type", ja: "型", schema: word(typeNames(true)...)}
	case typeBoolean:
		return kindOfValue{en: "true or false", ja: "true か false", schema: func() any { return object{"type": "boolean"} }}
	case typeInteger:
		return kindOfValue{en: "an integer", ja: "整数", schema: func() any { return object{"type": "integer"} }}
	case typeNumber:
		return kindOfValue{en: "a number", ja: "数", schema: func() any { return object{"type": "number"} }}
	case typeClock:
		return kindOfValue{en: `a time of the base day such as "22:00" or "26:30"`, ja: `"22:00"、"26:30" のような基準日の時刻`, schema: func() any {
			return object{"type": "string", "pattern": "^([0-3]?[0-9]|4[0-7]):[0-5][0-9]$"}
		}}
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
	case typeLimits:
		return kindOfValue{en: "a mapping", ja: "対応", inner: inLimits}
	case typeKeep:
		return kindOfValue{en: "a mapping", ja: "対応", inner: inKeep}
	case typeWait:
		return kindOfValue{en: "a mapping", ja: "対応", inner: inWait}
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

func partPicks() []string { return []string{string(jobnet.PerTracker), string(jobnet.PerPart)} }

func picks() []string {
	return []string{string(jobnet.PickLeastLoaded), string(jobnet.PickRoundRobin), string(jobnet.PickFirstAlive), string(jobnet.PickAll)}
}

func reruns() []string {
	return []string{string(jobnet.RerunYes), string(jobnet.RerunAsk), string(jobnet.RerunNever)}
}
