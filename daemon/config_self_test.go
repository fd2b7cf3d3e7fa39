package daemon

import "testing"

// What has to do with the view is refused where there is none, and passwords are typed under TLS
// alone, but on the box itself.
func TestSelfConfig(t *testing.T) {
	for _, test := range []struct {
		c  SelfConfig
		ok bool
	}{
		{SelfConfig{}, true},
		{SelfConfig{Print: true}, false},
		{SelfConfig{Hosts: []string{"recover.example.edu"}}, false},
		{SelfConfig{Listen: "127.0.0.1:8441", Print: true}, true},
		{SelfConfig{Listen: "0.0.0.0:8441"}, false},
		{SelfConfig{Listen: "0.0.0.0:8441", Cert: "c"}, false},
		{SelfConfig{Listen: "0.0.0.0:8441", Cert: "c", Key: "k"}, true},
	} {
		if err := test.c.check(); (err == nil) != test.ok {
			t.Errorf("%+v: %v", test.c, err)
		}
	}
}
