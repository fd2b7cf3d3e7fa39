package directory

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
)

// columns are the header of the file, in the order Write uses. Read takes them in any order and
// refuses a column it does not know: a misspelt one would silently empty a field.
var columns = []string{"id", "site", "name", "native", "native_lang", "role", "unit", "account",
	"card", "card_until", "card_replaced_by", "portrait", "devices"}

// day is how dates are written: ISO 8601.
const day = "2006-01-02"

// Read parses a directory file: UTF-8 CSV (RFC 4180) with a header line. Errors name the line and
// the column, never a value.
func Read(r io.Reader) ([]provisioning.Person, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = -1
	header, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("read the header: %w", lineError(err))
	}
	at, err := positions(header)
	if err != nil {
		return nil, err
	}
	var people []provisioning.Person
	seen := map[string]int{}
	for {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			return people, nil
		}
		if err != nil {
			return nil, lineError(err)
		}
		line, _ := in.FieldPos(0)
		if len(fields) != len(header) {
			return nil, fmt.Errorf("line %d: %d fields, the header has %d", line, len(fields), len(header))
		}
		person, err := parsePerson(fields, at)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		for _, number := range numbers(person) {
			if first, twice := seen[number]; twice && first != line {
				return nil, fmt.Errorf("line %d: a number of line %d again", line, first)
			}
			seen[number] = line
		}
		people = append(people, person)
	}
}

// lineError keeps the place and the kind of a CSV error and drops the text around it.
func lineError(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("line %d: %w", parse.Line, parse.Err)
	}
	return err
}

func positions(header []string) (map[string]int, error) {
	at := make(map[string]int, len(header))
	for i, name := range header {
		if i == 0 {
			name = strings.TrimPrefix(name, "\ufeff")
		}
		known := false
		for _, column := range columns {
			known = known || column == name
		}
		if _, twice := at[name]; twice || !known {
			return nil, fmt.Errorf("column %d of the header is unknown or stands twice", i+1)
		}
		at[name] = i
	}
	for _, need := range []string{"id", "site", "name", "role", "account"} {
		if _, ok := at[need]; !ok {
			return nil, fmt.Errorf("the header has no column %q", need)
		}
	}
	return at, nil
}

func parsePerson(fields []string, at map[string]int) (provisioning.Person, error) {
	get := func(name string) string {
		if i, ok := at[name]; ok {
			return fields[i]
		}
		return ""
	}
	p := provisioning.Person{
		ID: provisioning.PersonID(get("id")), Site: get("site"), Name: get("name"),
		Native: get("native"), NativeLang: get("native_lang"), Role: get("role"),
		Unit: get("unit"), Account: get("account"), Card: get("card"),
		CardReplacedBy: get("card_replaced_by"), Portrait: get("portrait"),
	}
	if p.ID == "" || p.Name == "" || p.Account == "" {
		return p, errors.New("id, name and account must not be empty")
	}
	if text := get("card_until"); text != "" {
		until, err := time.Parse(day, text)
		if err != nil {
			return p, errors.New("card_until is not a date like 2027-08-31")
		}
		p.CardUntil = until
	}
	if text := get("devices"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > 99 {
			return p, errors.New("devices is not a count")
		}
		p.Devices = n
	}
	return p, nil
}

// Write is the inverse of Read.
func Write(w io.Writer, people []provisioning.Person) error {
	out := csv.NewWriter(w)
	_ = out.Write(columns)
	for _, p := range people {
		until := ""
		if !p.CardUntil.IsZero() {
			until = p.CardUntil.Format(day)
		}
		_ = out.Write([]string{string(p.ID), p.Site, p.Name, p.Native, p.NativeLang, p.Role, p.Unit,
			p.Account, p.Card, until, p.CardReplacedBy, p.Portrait, strconv.Itoa(p.Devices)})
	}
	out.Flush()
	return out.Error()
}
