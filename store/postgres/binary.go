package postgres

import (
	"encoding/binary"
	"fmt"

	"github.com/bantoops/banto/store/sqltext"
)

// Types of PostgreSQL that a store uses, by their numbers.
const (
	oidBytes      = 17
	oidNumber     = 20
	oidText       = 25
	oidBytesArray = 1001
	oidTextArray  = 1009
	oidNumArray   = 1016
)

// arrayOf gives the types of a column: of an element, and of an array of them.
func arrayOf(k sqltext.Kind) (element, array uint32) {
	switch k {
	case sqltext.Number:
		return oidNumber, oidNumArray
	case sqltext.Bytes:
		return oidBytes, oidBytesArray
	}
	return oidText, oidTextArray
}

// scalar gives a value in the binary format, with its type.
func scalar(value any) (raw []byte, oid uint32) {
	switch v := value.(type) {
	case int64:
		return binary.BigEndian.AppendUint64(nil, uint64(v)), oidNumber //nolint:gosec // the same bits
	case string:
		return []byte(v), oidText
	case []byte:
		return v, oidBytes
	}
	return nil, oidText
}

// column gives one column of rows as an array in the binary format.
func column(rows [][]any, i int, kind sqltext.Kind) []byte {
	element, _ := arrayOf(kind)
	size := 20
	for _, r := range rows {
		size += 12
		switch v := r[i].(type) {
		case string:
			size += len(v)
		case []byte:
			size += len(v)
		}
	}
	b := make([]byte, 0, size)
	b = binary.BigEndian.AppendUint32(b, 1) // dimensions
	b = binary.BigEndian.AppendUint32(b, 1) // there may be a NULL
	b = binary.BigEndian.AppendUint32(b, element)
	b = binary.BigEndian.AppendUint32(b, uint32(len(rows))) //nolint:gosec // a transaction has fewer
	b = binary.BigEndian.AppendUint32(b, 1)                 // the first index
	for _, r := range rows {
		switch v := r[i].(type) {
		case int64:
			b = binary.BigEndian.AppendUint32(b, 8)
			b = binary.BigEndian.AppendUint64(b, uint64(v)) //nolint:gosec // the same bits
		case string:
			b = binary.BigEndian.AppendUint32(b, uint32(len(v))) //nolint:gosec // far below 1 GB
			b = append(b, v...)
		case []byte:
			b = binary.BigEndian.AppendUint32(b, uint32(len(v))) //nolint:gosec // far below 1 GB
			b = append(b, v...)
		default:
			b = binary.BigEndian.AppendUint32(b, 0xffffffff) // NULL
		}
	}
	return b
}

// decode gives a value of a row as sqltext wants it: int64, string, []byte or nil.
func decode(raw []byte, oid uint32, format int16) (any, error) {
	if raw == nil {
		return nil, nil
	}
	switch oid {
	case oidNumber:
		if format == 1 && len(raw) == 8 {
			return int64(binary.BigEndian.Uint64(raw)), nil //nolint:gosec // the same bits
		}
	case oidText:
		return string(raw), nil
	case oidBytes:
		if format == 1 {
			return append([]byte{}, raw...), nil
		}
	}
	return nil, fmt.Errorf("a column of type %d in format %d is not one of ours", oid, format)
}
