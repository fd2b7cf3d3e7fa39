package directory

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// read parses a directory file: UTF-8 CSV (RFC 4180) with a header line. Errors name the line and
// the column, never a value.
func read(r io.Reader, n names) ([]Record, error) {
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
	var people []Record
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
		record, err := parseRecord(fields, at)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if first := n.taken(record, line, seen); first != 0 {
			return nil, fmt.Errorf("line %d: a number of line %d again", line, first)
		}
		people = append(people, record)
	}
}

// taken notes the ways to ask for a record and returns the line of somebody who has one of them.
func (n names) taken(r Record, line int, seen map[string]int) int {
	for _, number := range []string{n.account(r.Account), n.number(string(r.ID)), n.number(r.Card),
		n.number(r.CardUID)} {
		if number == "" {
			continue
		}
		if first, twice := seen[number]; twice && first != line {
			return first
		}
		seen[number] = line
	}
	return 0
}

// lineError keeps the place and the kind of a CSV error and drops the text around it.
func lineError(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("line %d: %w", parse.Line, parse.Err)
	}
	return err
}

// positions finds the column of each field.
func positions(header []string) ([]column, error) {
	at := make([]column, len(header))
	seen := map[string]bool{}
	for i, name := range header {
		if i == 0 {
			name = strings.TrimPrefix(name, "\ufeff")
		}
		for _, c := range columns {
			if c.name == name && !seen[name] {
				at[i] = c
			}
		}
		if seen[name] = true; at[i].set == nil {
			return nil, fmt.Errorf("column %d of the header is unknown or stands twice", i+1)
		}
	}
	for _, need := range []string{"id", "site", "name", "role", "account"} {
		if !seen[need] {
			return nil, fmt.Errorf("the header has no column %q", need)
		}
	}
	return at, nil
}

func parseRecord(fields []string, at []column) (r Record, err error) {
	for i, field := range fields {
		if err := at[i].set(&r, field); err != nil {
			return r, err
		}
	}
	if r.ID == "" || r.Name == "" || r.Account == "" {
		return r, errors.New("id, name and account must not be empty")
	}
	return r, nil
}

// Write writes a directory file that a File reads.
func Write(w io.Writer, people []Record) error {
	out := csv.NewWriter(w)
	fields := make([]string, len(columns))
	for i, c := range columns {
		fields[i] = c.name
	}
	_ = out.Write(fields)
	for i := range people {
		for j, c := range columns {
			fields[j] = c.get(&people[i])
		}
		_ = out.Write(fields)
	}
	out.Flush()
	return out.Error()
}
