package verifier

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// again reads what was read once more, after writing it.
func again[T any](t *testing.T, data []byte, limit int64) {
	read := func(body []byte) (line []byte, err error) {
		r, _ := http.NewRequest("POST", "/", bytes.NewReader(body))
		var into T
		if err := readBody(r, limit, &into); err != nil {
			return nil, err
		}
		return json.Marshal(into)
	}
	first, err := read(data)
	if err != nil || int64(len(first)) > limit {
		return
	}
	second, err := read(first)
	if err != nil || !bytes.Equal(first, second) {
		t.Fatalf("%q reads as %s and then as %s, %v", data, first, second, err)
	}
}

// What is taken as an order of an operator is written as one that is taken as the same.
func FuzzOrder(f *testing.F) {
	f.Add([]byte(`{"act":"status"}`))
	f.Add([]byte(`{"act":"revoke-desk","desk":"desk1","since":"2026-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"act":"trust","card":{"version":1,"desk":"d"},"bounds":{"users":["a"]}}`))
	f.Add([]byte(`{"act":"add-caller","caller":{"name":"vpn","role":"verify","pin":"00"}}`))
	f.Fuzz(func(t *testing.T, data []byte) { again[order](t, data, maxOrder) })
}

// What is taken as the word of an enrolment is written as one that is taken as the same.
func FuzzEnrolledRequest(f *testing.F) {
	f.Add([]byte(`{"user":"ana"}`))
	f.Add([]byte(`{"user":"ana","user":"ben"}`))
	f.Fuzz(func(t *testing.T, data []byte) { again[EnrolledRequest](t, data, maxBody) })
}

// What reads as a secret in a file is the same secret when it is written anew, and no error says
// what was in the file.
func FuzzSecretFile(f *testing.F) {
	f.Add("00112233445566778899aabbccddeeff\n")
	f.Add("0x00")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, "key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := readSecret(path)
		if err != nil {
			if len(text) > 4 && strings.Contains(err.Error(), text) {
				t.Fatalf("the error says %q", err)
			}
			return
		}
		anew := filepath.Join(dir, "anew")
		if err := writeSecret(anew, key); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.Remove(anew) }()
		same, err := readSecret(anew)
		if err != nil || !bytes.Equal(same.Expose(), key.Expose()) {
			t.Fatalf("%q is another secret when it is written anew: %v", text, err)
		}
	})
}
