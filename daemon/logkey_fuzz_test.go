package daemon

import (
	"crypto/rand"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

// FuzzLogKey: a credential that is accepted signs what its public half verifies, and reads back the
// same when it is written again.
func FuzzLogKey(f *testing.F) {
	private, public, err := note.GenerateKey(rand.Reader, "icto-1")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(private + "\n" + public + "\n"))
	f.Add([]byte(public + "\n" + private))
	f.Fuzz(func(t *testing.T, text []byte) {
		signer, public, err := parseLogKey(text)
		if err != nil {
			return
		}
		verifier, err := note.NewVerifier(public)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := signer.Sign([]byte("m"))
		if err != nil || !verifier.Verify([]byte("m"), signature) {
			t.Errorf("the public half does not verify what the key signs: %v", err)
		}
		private, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
		_, again, err := parseLogKey([]byte(private + "\n" + public))
		if err != nil || again != public {
			t.Errorf("written and read again: %q then %q, %v", public, again, err)
		}
	})
}
