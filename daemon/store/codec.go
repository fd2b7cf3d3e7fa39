package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
)

// A row is stored as its fields that are not zero: each its name, then its value, both with their
// length in front. Names let a field be added, or dropped, without rewriting the file. JSON has the
// same merit and was measured to be half of all work at a restart with 300,000 rows; it is kept for
// the values of the few fields that are maps or lists.

var errRow = errors.New("the row is cut short")

// codec encodes the structs of one type.
type codec struct {
	typ    reflect.Type
	fields []field
	byName map[string]int
}

// field encodes one field. append is given a value that is not zero.
type field struct {
	name   string
	index  int
	append func([]byte, reflect.Value) ([]byte, error)
	set    func(reflect.Value, []byte) error
}

// newCodecs makes the codecs of all tables.
func newCodecs() map[provisioning.Kind]codec {
	codecs := make(map[provisioning.Kind]codec)
	for _, row := range provisioning.Rows() {
		codecs[row.Kind()] = newCodec(reflect.TypeOf(row))
	}
	return codecs
}

func newCodec(typ reflect.Type) codec {
	c := codec{typ: typ, byName: make(map[string]int)}
	for i := range typ.NumField() {
		if f := typ.Field(i); f.IsExported() {
			c.byName[f.Name] = len(c.fields)
			c.fields = append(c.fields, newField(f, i))
		}
	}
	return c
}

func newField(f reflect.StructField, index int) field {
	out := field{name: f.Name, index: index}
	switch {
	case f.Type == reflect.TypeFor[time.Time]():
		out.append, out.set = appendTime, setTime
	case f.Type.Kind() == reflect.String:
		out.append, out.set = appendString, setString
	case f.Type.Kind() == reflect.Bool:
		out.append, out.set = appendBool, setBool
	case f.Type.Kind() == reflect.Struct:
		c := newCodec(f.Type)
		out.append, out.set = c.append, c.set
	case reflect.Zero(f.Type).CanInt():
		out.append, out.set = appendInt, setInt
	case reflect.Zero(f.Type).CanUint():
		out.append, out.set = appendUint, setUint
	default:
		out.append, out.set = appendJSON, setJSON
	}
	return out
}

// encode writes a row.
func (c codec) encode(row provisioning.Row) ([]byte, error) {
	return c.append(nil, reflect.ValueOf(row))
}

// decode reads a row. Fields it does not know are left out.
func (c codec) decode(b []byte) (provisioning.Row, error) {
	row := reflect.New(c.typ).Elem()
	if err := c.set(row, b); err != nil {
		return nil, fmt.Errorf("decode a %s: %w", c.typ.Name(), err)
	}
	return row.Interface().(provisioning.Row), nil
}

func (c codec) append(b []byte, v reflect.Value) ([]byte, error) {
	var err error
	var value []byte
	for _, f := range c.fields {
		part := v.Field(f.index)
		if part.IsZero() {
			continue
		}
		if value, err = f.append(value[:0], part); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		b = appendSized(appendSized(b, []byte(f.name)), value)
	}
	return b, nil
}

func (c codec) set(v reflect.Value, b []byte) error {
	for len(b) > 0 {
		name, rest, ok := cutSized(b)
		value, rest, ok2 := cutSized(rest)
		if !ok || !ok2 {
			return errRow
		}
		b = rest
		i, known := c.byName[string(name)]
		if !known {
			continue
		}
		f := c.fields[i]
		if err := f.set(v.Field(f.index), value); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

func appendSized(b, part []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(part))), part...)
}

func cutSized(b []byte) (part, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, false
	}
	return b[n : n+int(size)], b[n+int(size):], true
}

func appendTime(b []byte, v reflect.Value) ([]byte, error) {
	return v.Interface().(time.Time).AppendBinary(b)
}

func setTime(v reflect.Value, b []byte) error {
	return v.Addr().Interface().(*time.Time).UnmarshalBinary(b)
}

func appendString(b []byte, v reflect.Value) ([]byte, error) {
	return append(b, v.String()...), nil
}

func setString(v reflect.Value, b []byte) error { v.SetString(string(b)); return nil }

// A bool that is stored is true.
func appendBool(b []byte, _ reflect.Value) ([]byte, error) { return b, nil }

func setBool(v reflect.Value, _ []byte) error { v.SetBool(true); return nil }

func appendInt(b []byte, v reflect.Value) ([]byte, error) {
	return binary.AppendVarint(b, v.Int()), nil
}

func setInt(v reflect.Value, b []byte) error {
	n, size := binary.Varint(b)
	if size <= 0 || v.OverflowInt(n) {
		return errRow
	}
	v.SetInt(n)
	return nil
}

func appendUint(b []byte, v reflect.Value) ([]byte, error) {
	return binary.AppendUvarint(b, v.Uint()), nil
}

func setUint(v reflect.Value, b []byte) error {
	n, size := binary.Uvarint(b)
	if size <= 0 || v.OverflowUint(n) {
		return errRow
	}
	v.SetUint(n)
	return nil
}

func appendJSON(b []byte, v reflect.Value) ([]byte, error) {
	value, err := json.Marshal(v.Interface())
	return append(b, value...), err
}

func setJSON(v reflect.Value, b []byte) error { return json.Unmarshal(b, v.Addr().Interface()) }
