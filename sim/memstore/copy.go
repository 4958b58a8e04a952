package memstore

import (
	"reflect"
	"time"

	"github.com/bantoops/banto/store"
)

// kept gives a row as every store keeps it: its own copy, times to the
// microsecond in UTC, nothing instead of what is empty, and no text that a store
// does not take.
func kept[T any](row T) (T, error) {
	var out T
	err := keep(reflect.ValueOf(&out).Elem(), reflect.ValueOf(&row).Elem())
	return out, err
}

// given gives a copy of a row that is kept.
func given[T any](row T) T {
	out, _ := kept(row)
	return out
}

var timeType = reflect.TypeFor[time.Time]()

func keep(to, from reflect.Value) error {
	switch from.Kind() {
	case reflect.String:
		to.SetString(from.String())
		return store.CheckText(from.String())
	case reflect.Pointer:
		if from.IsNil() {
			return nil
		}
		to.Set(reflect.New(from.Type().Elem()))
		return keep(to.Elem(), from.Elem())
	case reflect.Struct:
		if from.Type() == timeType {
			at, _ := from.Interface().(time.Time)
			to.Set(reflect.ValueOf(at.UTC().Truncate(time.Microsecond)))
			return nil
		}
		for i := range from.NumField() {
			if err := keep(to.Field(i), from.Field(i)); err != nil {
				return err
			}
		}
	case reflect.Slice:
		return keepSlice(to, from)
	case reflect.Map:
		return keepMap(to, from)
	default:
		to.Set(from)
	}
	return nil
}

func keepSlice(to, from reflect.Value) error {
	if from.Len() == 0 {
		return nil
	}
	to.Set(reflect.MakeSlice(from.Type(), from.Len(), from.Len()))
	if from.Type().Elem().Kind() == reflect.Uint8 {
		reflect.Copy(to, from)
		return nil
	}
	for i := range from.Len() {
		if err := keep(to.Index(i), from.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func keepMap(to, from reflect.Value) error {
	if from.Len() == 0 {
		return nil
	}
	to.Set(reflect.MakeMapWithSize(from.Type(), from.Len()))
	for each := from.MapRange(); each.Next(); {
		k, v := reflect.New(from.Type().Key()).Elem(), reflect.New(from.Type().Elem()).Elem()
		if err := keep(k, each.Key()); err != nil {
			return err
		}
		if err := keep(v, each.Value()); err != nil {
			return err
		}
		to.SetMapIndex(k, v)
	}
	return nil
}
