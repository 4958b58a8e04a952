package sqltext

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// Micros gives the form in which times are kept.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// Encode turns pointers to fields into what the driver binds, in place. It is
// the one place through which values go to SQL, and refuses poisoned text.
func Encode(fields []any) error {
	for i, f := range fields {
		v, err := encodeOne(f)
		if err != nil {
			return fmt.Errorf("value %d: %w", i+1, err)
		}
		fields[i] = v
	}
	return nil
}

// encodeOne knows every type that a field of a record has; text comes first,
// as most fields are.
func encodeOne(field any) (any, error) {
	if s, ok := textOf(field); ok {
		return s, store.CheckText(s)
	}
	switch p := field.(type) {
	case int64:
		return p, nil
	case *int64:
		return *p, nil
	case *int:
		return int64(*p), nil
	case **int:
		if *p == nil {
			return nil, nil
		}
		return int64(**p), nil
	case *bool:
		if *p {
			return int64(1), nil
		}
		return int64(0), nil
	case *time.Time:
		return Micros(*p), nil
	case **time.Time:
		if *p == nil {
			return nil, nil
		}
		return Micros(**p), nil
	case *[]byte:
		if *p == nil {
			return []byte{}, nil // NULL is not an empty body
		}
		return *p, nil
	}
	return encodeJSON(field)
}

// isTime says that a field is a time, which may be none.
func isTime(field any) bool {
	switch field.(type) {
	case *time.Time, **time.Time:
		return true
	}
	return false
}

// textOf gives the text of a field that is kept as plain text.
func textOf(field any) (string, bool) {
	switch p := field.(type) {
	case string:
		return p, true
	case *string:
		return *p, true
	case *banto.TrackerID:
		return string(*p), true
	case *banto.AttemptID:
		return string(*p), true
	case *banto.PartKey:
		return string(*p), true
	case *banto.HostID:
		return string(*p), true
	case *banto.TrackerState:
		return string(*p), true
	case *banto.Outcome:
		return string(*p), true
	case *banto.PartState:
		return string(*p), true
	case *banto.AttemptState:
		return string(*p), true
	case *banto.HostState:
		return string(*p), true
	case *banto.Admission:
		return string(*p), true
	case *banto.Reason:
		return string(*p), true
	case *store.DefinitionKind:
		return string(*p), true
	case *banto.Date:
		return p.String(), true
	}
	return "", false
}

// encodeJSON writes the small maps and lists, with the keys of a map in order;
// nothing in them is an empty text.
func encodeJSON(field any) (any, error) {
	switch p := field.(type) {
	case *map[string]string:
		return jsonMap(*p)
	case *map[string]banto.HostID:
		return jsonMap(*p)
	case *map[banto.PartState]int:
		return jsonMap(*p)
	case *[]banto.HostID:
		return jsonList(*p)
	case *[]string:
		return jsonList(*p)
	}
	return nil, fmt.Errorf("cannot store a %T", field)
}

// jsonMap checks the texts of a map as they are: JSON would hide a NUL, and
// replace what is not UTF-8.
func jsonMap[K ~string, V any](m map[K]V) (any, error) {
	if len(m) == 0 {
		return "", nil
	}
	for name, value := range m {
		if err := store.CheckText(string(name)); err != nil {
			return nil, err
		}
		if text, ok := textOf(&value); ok {
			if err := store.CheckText(text); err != nil {
				return nil, err
			}
		}
	}
	return jsonText(m)
}

// jsonList checks the texts of a list as they are.
func jsonList[T ~string](list []T) (any, error) {
	if len(list) == 0 {
		return "", nil
	}
	for _, text := range list {
		if err := store.CheckText(string(text)); err != nil {
			return nil, err
		}
	}
	return jsonText(list)
}

func jsonText(v any) (any, error) {
	text, err := json.Marshal(v)
	return string(text), err
}

// column reads one column into the field it points to.
type column struct{ field any }

// Columns wraps pointers to fields so that rows can be scanned into them.
func Columns(fields []any) []any {
	cols := make([]column, len(fields))
	for i, f := range fields {
		switch f.(type) {
		case *string, *int64, *[]byte: // database/sql does these well itself
			continue
		}
		cols[i].field = f
		fields[i] = &cols[i]
	}
	return fields
}

// Scan implements sql.Scanner.
func (c *column) Scan(src any) error {
	switch v := src.(type) {
	case int64:
		return c.scanInt(v)
	case string:
		return c.scanText(v)
	case nil:
		switch c.field.(type) {
		case **int, **time.Time:
			return nil // the field is nil before the scan
		}
	}
	return fmt.Errorf("a %T cannot be read into a %T", src, c.field)
}

func (c *column) scanInt(v int64) error {
	switch p := c.field.(type) {
	case *int:
		*p = int(v)
	case **int:
		n := int(v)
		*p = &n
	case *bool:
		*p = v != 0
	case *time.Time:
		*p = time.UnixMicro(v).UTC()
	case **time.Time:
		t := time.UnixMicro(v).UTC()
		*p = &t
	default:
		return fmt.Errorf("a number cannot be read into a %T", c.field)
	}
	return nil
}

func (c *column) scanText(v string) error {
	switch p := c.field.(type) {
	case *banto.TrackerID:
		*p = banto.TrackerID(v)
	case *banto.AttemptID:
		*p = banto.AttemptID(v)
	case *banto.PartKey:
		*p = banto.PartKey(v)
	case *banto.HostID:
		*p = banto.HostID(v)
	case *banto.TrackerState:
		*p = banto.TrackerState(v)
	case *banto.Outcome:
		*p = banto.Outcome(v)
	case *banto.PartState:
		*p = banto.PartState(v)
	case *banto.AttemptState:
		*p = banto.AttemptState(v)
	case *banto.HostState:
		*p = banto.HostState(v)
	case *banto.Admission:
		*p = banto.Admission(v)
	case *banto.Reason:
		*p = banto.Reason(v)
	case *store.DefinitionKind:
		*p = store.DefinitionKind(v)
	case *banto.Date:
		return p.UnmarshalText([]byte(v))
	default:
		if v == "" {
			return nil
		}
		return json.NewDecoder(strings.NewReader(v)).Decode(c.field)
	}
	return nil
}
