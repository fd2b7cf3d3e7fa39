package store

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/provisioning"
)

// fillIn sets every field of a struct to something, so that a field the codec forgets is seen.
func fillIn(t *testing.T, v reflect.Value) {
	t.Helper()
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(testTime.Add(123456789).In(time.FixedZone("", 8*3600))))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fillIn(t, v.Field(i))
		}
	case v.Kind() == reflect.String:
		v.SetString("\xffé\x00")
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(-77)
	case v.CanUint():
		v.SetUint(1<<63 + 5)
	case v.Kind() == reflect.Map:
		key := reflect.New(v.Type().Key()).Elem()
		value := reflect.New(v.Type().Elem()).Elem()
		key.SetString("k")
		if value.CanInt() {
			value.SetInt(7)
		} else {
			value.SetString("v")
		}
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fillIn(t, v.Index(i))
		}
	default:
		t.Fatalf("the test cannot fill in a %s", v.Type())
	}
}

func TestCodecKeepsEveryField(t *testing.T) {
	for kind, c := range newCodecs() {
		full := reflect.New(c.typ).Elem()
		fillIn(t, full)
		for _, v := range []reflect.Value{full, reflect.Zero(c.typ)} {
			want := v.Interface().(provisioning.Row)
			value, err := c.encode(want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.decode(value)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", kind, diff)
			}
		}
	}
}

// A program that knows fewer fields, or more, reads what is common.
func TestCodecSkipsUnknownFields(t *testing.T) {
	type newer struct{ ID, Name, Added string }
	type older struct{ Name, ID string }
	value, err := newCodec(reflect.TypeFor[newer]()).append(nil,
		reflect.ValueOf(newer{"i", "n", "a"}))
	if err != nil {
		t.Fatal(err)
	}
	var got older
	err = newCodec(reflect.TypeFor[older]()).set(reflect.ValueOf(&got).Elem(), value)
	if err != nil {
		t.Fatal(err)
	}
	if want := (older{"n", "i"}); got != want {
		t.Errorf("got %+v", got)
	}
}

// FuzzRow: what decodes encodes to something that decodes the same, and then to the same bytes.
func FuzzRow(f *testing.F) {
	c := newCodecs()
	for i, row := range []provisioning.Row{token("1", "stock"), loan("l", "p", "open"),
		provisioning.OpResult{ID: "o", Params: map[string]string{"a": "b"}, At: testTime}} {
		value, err := c[row.Kind()].encode(row)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8([]int{2, 4, 6}[i]), value)
	}
	f.Add(uint8(4), []byte("\x02ID\x01l\x03Fee\x07\x05State\x01x"))
	f.Fuzz(func(t *testing.T, kind uint8, value []byte) {
		rows := provisioning.Rows()
		codec := c[rows[int(kind)%len(rows)].Kind()]
		first, err := codec.decode(value)
		if err != nil {
			return
		}
		stored, err := codec.encode(first)
		if err != nil {
			return // a time that only the older binary form allows
		}
		again, err := codec.decode(stored)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Error(diff)
		}
		if twice, err := codec.encode(again); err != nil || !bytes.Equal(twice, stored) {
			t.Errorf("%x became %x, %v", stored, twice, err)
		}
	})
}
