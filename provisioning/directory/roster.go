package directory

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/tokendesk/tokendesk/provisioning"
)

// maxRoster bounds the file of officers, and maxStaff their number: a desk has a dozen.
const (
	maxRoster = 1 << 20
	maxStaff  = 500
)

// rosterHeader is the first line of the file of officers. Supervisor is yes or no.
var rosterHeader = []string{"id", "name", "person", "supervisor"}

// readRoster reads the file of officers.
func readRoster(path string) ([]provisioning.Officer, error) {
	if path == "" {
		return nil, ErrNoStaff
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the officers: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil && info.Size() > maxRoster {
		err = errors.New("the file is too long")
	}
	var staff []provisioning.Officer
	if err == nil {
		staff, err = parseRoster(file)
	}
	if err != nil {
		return nil, fmt.Errorf("read the officers: %w", err)
	}
	return staff, nil
}

// parseRoster refuses a file with anything in it that it does not understand: half a list would
// dismiss the other half.
func parseRoster(r io.Reader) ([]provisioning.Officer, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = len(rosterHeader)
	header, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("read the header: %w", lineError(err))
	}
	if !slices.Equal(header, rosterHeader) {
		return nil, errors.New("the header is not id,name,person,supervisor")
	}
	var staff []provisioning.Officer
	seen := map[provisioning.OfficerID]bool{}
	for {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, lineError(err)
		}
		line, _ := in.FieldPos(0)
		o, err := parseOfficer(fields)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if seen[o.ID] {
			return nil, fmt.Errorf("line %d: an officer stands twice", line)
		}
		seen[o.ID] = true
		staff = append(staff, o)
	}
	if len(staff) == 0 || len(staff) > maxStaff {
		return nil, ErrNoStaff
	}
	return staff, nil
}

func parseOfficer(fields []string) (provisioning.Officer, error) {
	o := provisioning.Officer{ID: provisioning.OfficerID(names{}.account(fields[0])), Name: fields[1],
		Person: provisioning.PersonID(fields[2]), Supervisor: fields[3] == "yes"}
	switch {
	case o.ID == "" || o.Name == "" || !clean(string(o.ID)) || !clean(o.Name):
		return o, errors.New("id and name must not be empty")
	case !slices.Contains([]string{"yes", "no", ""}, fields[3]):
		return o, errors.New("supervisor is yes or no")
	}
	return o, nil
}
