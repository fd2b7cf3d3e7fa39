package verifier_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// Whatever a caller sends: it is answered with JSON, as what it may do or with a problem, never
// with an error of ours, and a user nobody has is accepted by no call.
func FuzzCall(f *testing.F) {
	r := newRig(f)
	shown := map[verifier.Role]*tls.ConnectionState{}
	roles := []verifier.Role{verifier.RoleVerify, verifier.RoleHelpdesk, verifier.RoleEnrol,
		verifier.RoleFeed}
	for _, role := range roles {
		cert, pin, err := feedtest.Certificate(string(role), time.Now().Add(time.Hour))
		if err != nil {
			f.Fatal(err)
		}
		if err := r.AddCaller(string(role), role, pin); err != nil {
			f.Fatal(err)
		}
		shown[role] = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert.Leaf}}
	}
	f.Add(uint8(0), "POST", "/v1/verify", `{"user":"ana","otp":"755224","for":"enrol"}`)
	f.Add(uint8(0), "POST", "/v1/verify", `{"user":"\u0000\ud800","otp":"１２３４５６"}`)
	f.Add(uint8(1), "GET", "/v1/status", "")
	f.Add(uint8(2), "POST", "/v1/enrolled", `{"user":"ana"}`)
	f.Add(uint8(3), "POST", "/v1//verify/../status", "{")
	handler := r.Handler()
	f.Fuzz(func(t *testing.T, who uint8, method, path, body string) {
		req := httptest.NewRequest("GET", "/", strings.NewReader(body))
		req.Method, req.URL.Path, req.TLS = method, path, shown[roles[int(who)%len(roles)]]
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		switch {
		case w.Code >= 500:
			t.Fatalf("%s %q %q: %d %s", method, path, body, w.Code, w.Body)
		case w.Code >= 300 && w.Code < 400: // led to where the path points
		case !json.Valid(w.Body.Bytes()):
			t.Fatalf("%s %q %q: the answer is %q", method, path, body, w.Body)
		case strings.Contains(w.Body.String(), `"accepted":true`):
			t.Fatalf("%q was accepted", body)
		}
	})
}
