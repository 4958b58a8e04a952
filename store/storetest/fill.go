package storetest

import (
	"fmt"
	"reflect"
	"time"

	"github.com/bantoops/banto"
)

// fill sets every field of a record to something that is not zero and differs
// from field to field and from seed to seed. A type that it does not know
// panics: teach it.
func fill[T any](seed int) T {
	var v T
	n := seed * 1000
	fillValue(reflect.ValueOf(&v).Elem(), &n)
	return v
}

func fillValue(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(epoch0.Add(time.Duration(*n) * time.Microsecond)))
		return
	case banto.Date:
		v.Set(reflect.ValueOf(banto.DateOf(epoch0).AddDays(*n)))
		return
	case []byte:
		v.SetBytes([]byte{byte(*n), 0, 0xff, '\n'})
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("値 <%d>\n\"'\\", *n))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillValue(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			fillValue(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fillValue(v.Index(i), n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fillValue(key, n)
			fillValue(value, n)
			v.SetMapIndex(key, value)
		}
	default:
		panic(fmt.Sprintf("storetest: fill a %s", v.Type())) //nolint:forbidigo // in tests alone
	}
}

// spoiled gives copies of a record, each with one text in it poisoned, by the
// place of the text. Fields named in skip are left alone.
func spoiled[T any](record T, poison string, skip ...string) map[string]T {
	out := map[string]T{}
	skipped := map[string]bool{}
	for _, s := range skip {
		skipped[s] = true
	}
	t := reflect.TypeOf(record)
	for i := range t.NumField() {
		f := t.Field(i)
		if skipped[f.Name] {
			continue
		}
		for where, v := range spoiledValues(f.Type, poison) {
			c := record
			reflect.ValueOf(&c).Elem().Field(i).Set(v)
			out[f.Name+where] = c
		}
	}
	return out
}

// spoiledValues gives values of a type with a poisoned text in them.
func spoiledValues(t reflect.Type, poison string) map[string]reflect.Value {
	text := func(t reflect.Type) reflect.Value { return reflect.ValueOf(poison).Convert(t) }
	out := map[string]reflect.Value{}
	switch {
	case t.Kind() == reflect.String:
		out[""] = text(t)
	case t.Kind() == reflect.Map:
		m := reflect.MakeMap(t)
		m.SetMapIndex(text(t.Key()), reflect.Zero(t.Elem()))
		out[" (key)"] = m
		if t.Elem().Kind() == reflect.String {
			m := reflect.MakeMap(t)
			m.SetMapIndex(reflect.ValueOf("good").Convert(t.Key()), text(t.Elem()))
			out[" (value)"] = m
		}
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
		s := reflect.MakeSlice(t, 1, 1)
		s.Index(0).Set(text(t.Elem()))
		out[" (item)"] = s
	case t == reflect.TypeFor[banto.Principal]():
		out[".Name"] = reflect.ValueOf(banto.Principal{Name: poison})
	}
	return out
}
