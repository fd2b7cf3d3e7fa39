package daemon

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzAdminOrder: an order that is understood is one value and says the same when it is written again;
// the same order with anything behind it is not understood.
func FuzzAdminOrder(f *testing.F) {
	f.Add([]byte(`{"id":"a","name":"A","pin":"270418"}`))
	f.Add([]byte(`{"id":"a"}{"id":"b"}`))
	f.Add([]byte(`{"config":"x"} null`))
	f.Add([]byte(`{"id":"a","root":true}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var order, again OfficerOrder
		if strictly(bytes.NewReader(data), &order) != nil {
			return
		}
		out, err := json.Marshal(order)
		if err != nil {
			return // a year that JSON cannot say
		}
		if err := strictly(bytes.NewReader(out), &again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(order, again); diff != "" {
			t.Error(diff)
		}
		for _, more := range []string{"{}", "1", "]", "x"} {
			if strictly(bytes.NewReader(append(bytes.Clone(out), more...)), &again) == nil {
				t.Errorf("taken with %q behind it", more)
			}
		}
	})
}
