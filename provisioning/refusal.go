package provisioning

import (
	"maps"
	"slices"
	"strings"
)

// Code names a refusal. The kiosk's catalogue has a sentence for every code in Codes.
type Code string

// Refusal is a rule saying no. It carries what the sentence needs and nothing secret.
type Refusal struct {
	Code   Code
	Params map[string]string
}

// Refuse builds a refusal; pairs are name, value, name, value.
func Refuse(code Code, pairs ...string) *Refusal {
	r := &Refusal{Code: code, Params: make(map[string]string, len(pairs)/2)}
	for i := 0; i+1 < len(pairs); i += 2 {
		r.Params[pairs[i]] = pairs[i+1]
	}
	return r
}

// Error implements error, for logs: the code and the names of the parameters, not their values.
func (r *Refusal) Error() string {
	names := slices.Sorted(maps.Keys(r.Params))
	if len(names) == 0 {
		return "refused: " + string(r.Code)
	}
	return "refused: " + string(r.Code) + " (" + strings.Join(names, ", ") + ")"
}

// Is makes errors.Is(err, Refuse(code)) match on the code alone.
func (r *Refusal) Is(target error) bool {
	other, ok := target.(*Refusal)
	return ok && other.Code == r.Code
}
