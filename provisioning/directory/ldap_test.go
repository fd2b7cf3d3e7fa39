package directory_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/directory"
	"github.com/tokendesk/tokendesk/provisioning/directory/directorytest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

var (
	down    = provisioning.Refuse(directory.CodeDown)
	unknown = provisioning.Refuse(directory.CodeUnknown)
)

// ask is the directory of a configuration; nobody looks after it.
func ask(t *testing.T, c directory.LDAPConfig) *directory.LDAP {
	t.Helper()
	macau, err := time.LoadLocation("Asia/Macau")
	if err != nil {
		t.Fatal(err)
	}
	l, err := directory.NewLDAP(directory.LDAPParts{Config: c, Site: "um", Zone: macau,
		Password: secret.NewPassword(directorytest.ServicePassword),
		Strip:    []string{directorytest.Suffix}, Now: directorytest.Now,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// run looks after a directory until the test ends.
func run(t *testing.T, l *directory.LDAP) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = l.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestLDAP(t *testing.T) {
	s := directorytest.Slapd(t, append(directorytest.Sample(), twins()...))
	t.Run("ldaps", func(t *testing.T) {
		l := ask(t, s.Config())
		run(t, l)
		directorytest.Suite(t, l)
	})
	t.Run("starttls", func(t *testing.T) {
		c := s.Config()
		c.URI, c.Attributes.Groups = "ldap://"+s.LDAP, ""
		l := ask(t, c)
		run(t, l)
		directorytest.Suite(t, l)
	})
	t.Run("twins", func(t *testing.T) { ambiguous(t, s) })
	t.Run("groups", func(t *testing.T) { brokenGroups(t, s) })
	t.Run("trust", func(t *testing.T) { trust(t, s) })
	t.Run("slow", func(t *testing.T) { slow(t, s) })
	t.Run("cut", func(t *testing.T) { cut(t, s) })
	t.Run("dead", func(t *testing.T) { dead(t, s) })
	s.Stop()
	goleak.VerifyNone(t, goleak.IgnoreTopFunction("testing.(*T).Run"))
}

// twins share the number of a card, and the account of one is the other's person number.
func twins() []directorytest.Person {
	return []directorytest.Person{
		{Record: directory.Record{Person: provisioning.Person{ID: "T1", Name: "TWIN One",
			Account: "one", Role: "staff", Card: "07770777"}, Born: directorytest.Now()}, Password: "one"},
		{Record: directory.Record{Person: provisioning.Person{ID: "one", Name: "TWIN Two",
			Account: "two", Role: "staff", Card: "0777-0777"}, Born: directorytest.Now()}, Password: "two"},
	}
}

// ambiguous: nobody is picked out of two.
func ambiguous(t *testing.T, s *directorytest.Server) {
	l := ask(t, s.Config())
	run(t, l)
	for _, number := range []string{"0777-0777", "one"} {
		_, err := l.Find(t.Context(), number)
		if !errors.Is(err, provisioning.Refuse(directory.CodeAmbiguous)) {
			t.Errorf("%s: %v", number, err)
		}
	}
	claim := provisioning.Claim{Account: "one", Born: directorytest.Now()}
	if p, ok, err := l.Matches(t.Context(), claim); ok || err != nil {
		t.Errorf("a claim of two people matches %s, %v", p.ID, err)
	}
	for _, password := range []string{"one", "two"} {
		if ok, err := l.Authenticate(t.Context(), "one", secret.NewPassword(password)); ok || err != nil {
			t.Errorf("one of two people was let in: %v", err)
		}
	}
	if p, err := l.Find(t.Context(), "T1"); err != nil || p.Account != "one" {
		t.Errorf("by person number: %v, %v", p.Account, err)
	}
}

// brokenGroups: a group that is not there, or has nobody in it, is no list.
func brokenGroups(t *testing.T, s *directorytest.Server) {
	for name, edit := range map[string]func(*directory.LDAPConfig){
		"missing": func(c *directory.LDAPConfig) {
			c.Officers, c.Attributes.Groups = "cn=no,"+c.Base, ""
		},
		"nobody":  func(c *directory.LDAPConfig) { c.Officers, c.Supervisors = "cn=no,"+c.Base, "" },
		"unnamed": func(c *directory.LDAPConfig) { c.Officers, c.Supervisors = "", "" },
		"no such attribute": func(c *directory.LDAPConfig) {
			c.Supervisors, c.GroupMember, c.Attributes.Groups = "", "uniqueMember", ""
		},
	} {
		c := s.Config()
		edit(&c)
		l := ask(t, c)
		run(t, l)
		if staff, err := l.Staff(t.Context()); err == nil {
			t.Errorf("%s: %v", name, staff)
		}
	}
}

// trust: only the pinned authority will do, and only for the name that was asked for; a service
// account that is refused is a directory that is down.
func trust(t *testing.T, s *directorytest.Server) {
	line := directorytest.NewLine(t, s.LDAPS)
	for name, edit := range map[string]func(*directory.LDAPConfig){
		"stranger": func(c *directory.LDAPConfig) { c.CA = directorytest.StrangerCA(t) },
		"stranger starttls": func(c *directory.LDAPConfig) {
			c.CA, c.URI = directorytest.StrangerCA(t), "ldap://"+s.LDAP
		},
		"clear on a safe port": func(c *directory.LDAPConfig) {
			c.URI = "ldap://" + line.Address
		},
		"another name": func(c *directory.LDAPConfig) {
			c.URI = "ldaps://" + strings.Replace(line.Address, "127.0.0.1", "127.0.0.2", 1)
		},
		"another account": func(c *directory.LDAPConfig) { c.BindDN = "cn=nobody," + c.Base },
	} {
		c := s.Config()
		c.Timeout = time.Second
		edit(&c)
		l := ask(t, c)
		if _, err := l.Find(t.Context(), "msousa"); !errors.Is(err, down) {
			t.Errorf("%s: %v", name, err)
		}
		if ok, err := l.Authenticate(t.Context(), "msousa", secret.NewPassword("x")); ok ||
			!errors.Is(err, down) {
			t.Errorf("%s: a password: %v, %v", name, ok, err)
		}
		if l.Up(t.Context()) {
			t.Errorf("%s: counts as up", name)
		}
	}
}

// slow: a server that says nothing more costs the timeout and no longer, and it is noticed without
// anybody asking for a person; when it speaks again, that is noticed too.
func slow(t *testing.T, s *directorytest.Server) {
	line := directorytest.NewLine(t, s.LDAPS)
	c := s.Config()
	c.URI, c.Timeout = "ldaps://"+line.Address, 400*time.Millisecond
	l := ask(t, c)
	run(t, l)
	eventually(t, "up", func() bool { return l.Up(t.Context()) })
	line.Stall()
	// A busy machine takes longer; a question without a bound would take for ever.
	bound := c.Timeout + 3*time.Second
	for name, question := range map[string]func() error{
		"find": func() error { _, err := l.Find(t.Context(), "msousa"); return err },
		"claim": func() error {
			claim := provisioning.Claim{Account: "msousa", DocumentTail: "3210"}
			_, _, err := l.Matches(t.Context(), claim)
			return err
		},
		"password": func() error {
			_, err := l.Authenticate(t.Context(), "msousa", secret.NewPassword("x"))
			return err
		},
		"staff": func() error { _, err := l.Staff(t.Context()); return err },
	} {
		began := time.Now()
		err := question()
		if took := time.Since(began); !errors.Is(err, down) || took > bound {
			t.Errorf("%s: %v after %v", name, err, took)
		}
	}
	if l.Up(t.Context()) {
		t.Error("a silent server counts as up")
	}
	// More questions than links wait no longer for each other.
	began, done := time.Now(), make(chan error)
	for range 20 {
		go func() { _, err := l.Find(t.Context(), "msousa"); done <- err }()
	}
	for range 20 {
		if err := <-done; !errors.Is(err, down) {
			t.Errorf("one of many: %v", err)
		}
	}
	if took := time.Since(began); took > bound {
		t.Errorf("twenty at once waited %v", took)
	}
	line.Flow()
	eventually(t, "up again", func() bool { return l.Up(t.Context()) })
	if _, err := l.Find(t.Context(), "E1004402"); err != nil {
		t.Errorf("when it speaks again: %v", err)
	}
}

// cut: links that were cut at rest are replaced without anybody noticing.
func cut(t *testing.T, s *directorytest.Server) {
	line := directorytest.NewLine(t, s.LDAPS)
	c := s.Config()
	c.URI = "ldaps://" + line.Address
	l := ask(t, c)
	run(t, l)
	for range 5 {
		if _, err := l.Find(t.Context(), "E1004402"); err != nil {
			t.Fatalf("after a cut: %v", err)
		}
		line.Cut()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Find(ctx, "msousa"); err == nil {
		t.Error("somebody who left was answered")
	}
	if !l.Up(t.Context()) {
		t.Error("somebody who stopped waiting took the directory down")
	}
}

// dead: a server that is gone is a refusal at once, and one that is back is found again.
func dead(t *testing.T, s *directorytest.Server) {
	l := ask(t, s.Config())
	run(t, l)
	if _, err := l.Find(t.Context(), "E1004402"); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	if _, err := l.Find(t.Context(), "E1004402"); !errors.Is(err, down) || l.Up(t.Context()) {
		t.Errorf("dead: %v, up %v", err, l.Up(t.Context()))
	}
	s.Start()
	eventually(t, "up again", func() bool { return l.Up(t.Context()) })
	if _, err := l.Find(t.Context(), "E1004402"); err != nil {
		t.Errorf("back: %v", err)
	}
}

// TestLDAPOfAUniversity: fifty thousand people with pictures. Any number or name is found in time,
// and questions made of pieces of what is stored find what the law says and nobody else.
func TestLDAPOfAUniversity(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("it is a measurement, and this is no place for one")
	}
	people := directorytest.Crowd(50_000)
	for i := range 5 {
		people[len(people)-1-i].Photo = directorytest.Photo(7, 400_000)
	}
	began := time.Now()
	s := directorytest.Slapd(t, people)
	t.Logf("%d people loaded in %v", len(people), time.Since(began))
	l := ask(t, s.Config())
	run(t, l)
	random := rand.New(rand.NewPCG(3, 4))
	t.Run("quick", func(t *testing.T) { quick(t, l, people, random) })
	t.Run("lawful", func(t *testing.T) { lawful(t, l, people, random) })
}

func quick(t *testing.T, l *directory.LDAP, people []directorytest.Person, random *rand.Rand) {
	for name, field := range map[string]func(directorytest.Person) string{
		"id":       func(p directorytest.Person) string { return string(p.ID) },
		"account":  func(p directorytest.Person) string { return p.Account + directorytest.Suffix },
		"card":     func(p directorytest.Person) string { return p.Card[:4] + " " + p.Card[4:] },
		"card uid": func(p directorytest.Person) string { return strings.ToLower(p.CardUID) },
		"nobody":   func(p directorytest.Person) string { return "x" + p.Account },
	} {
		var took []time.Duration
		for range 500 {
			p := people[5+random.IntN(len(people)-5)]
			began := time.Now()
			got, err := l.Find(t.Context(), field(p))
			took = append(took, time.Since(began))
			if name == "nobody" && !errors.Is(err, unknown) || name != "nobody" && got.ID != p.ID {
				t.Fatalf("%s: %q, %v", name, got.ID, err)
			}
		}
		slices.Sort(took)
		p99 := took[len(took)*99/100]
		t.Logf("by %s: median %v, p99 %v", name, took[len(took)/2], p99)
		if p99 > 100*time.Millisecond {
			t.Errorf("by %s: p99 is %v", name, p99)
		}
	}
	p := people[len(people)-1]
	found, err := l.Find(t.Context(), p.Account)
	if err != nil {
		t.Fatal(err)
	}
	if data, _, err := l.Portrait(t.Context(), found.Portrait); err != nil || len(data) != len(p.Photo) {
		t.Errorf("a large picture: %d bytes, %v", len(data), err)
	}
}

func lawful(t *testing.T, l *directory.LDAP, people []directorytest.Person, random *rand.Rand) {
	pieces := []string{"*", "(", ")", "\\", "\x00", "\\2a", "é", "ﬀ", " ", "-", ":", "@", "|", "&", "=",
		"uid=", "\u200b", "\xff", "０", "İ", "ı", "K", "ß", directorytest.Suffix, "#", "+", ",", ";"}
	law := directorytest.NewLaw(people)
	for range 3000 {
		p := people[random.IntN(len(people))]
		values := []string{p.Account, p.Card, p.CardUID, string(p.ID), p.Name, p.IdentityCard, p.Mail}
		q := values[random.IntN(len(values))]
		for range random.IntN(3) {
			at := random.IntN(len(q) + 1)
			q = q[:at] + pieces[random.IntN(len(pieces))] + q[min(len(q), at+random.IntN(2)):]
		}
		got, err := l.Find(t.Context(), q)
		id, known := law.Expect(q)
		switch {
		case err == nil && (!known || got.ID != id):
			t.Errorf("%q finds %s, the law says %q", q, got.ID, id)
		case !known && !errors.Is(err, unknown):
			t.Errorf("%q finds nobody, and the answer is %v", q, err)
		}
	}
}

func TestLDAPConfigIsChecked(t *testing.T) {
	good := directory.LDAPConfig{URI: "ldaps://ldap.um.edu.mo", CA: "/etc/ca.pem",
		BindDN: "cn=desk,dc=um", Base: "dc=um"}
	if err := good.Check(); err != nil {
		t.Errorf("a small one: %v", err)
	}
	if err := (directory.LDAPConfig{}).Check(); err != nil {
		t.Errorf("none: %v", err)
	}
	for name, edit := range map[string]func(*directory.LDAPConfig){
		"clear":       func(c *directory.LDAPConfig) { c.URI = "http://ldap.um.edu.mo" },
		"socket":      func(c *directory.LDAPConfig) { c.URI = "ldapi:///var/run/ldapi" },
		"no host":     func(c *directory.LDAPConfig) { c.URI = "ldaps://" },
		"a password":  func(c *directory.LDAPConfig) { c.URI = "ldaps://a:b@ldap.um.edu.mo" },
		"no CA":       func(c *directory.LDAPConfig) { c.CA = "" },
		"no account":  func(c *directory.LDAPConfig) { c.BindDN = "" },
		"no DN":       func(c *directory.LDAPConfig) { c.Base = "um.edu.mo" },
		"filter":      func(c *directory.LDAPConfig) { c.Filter = "(uid=*" },
		"group":       func(c *directory.LDAPConfig) { c.Officers = "officers" },
		"timeout":     func(c *directory.LDAPConfig) { c.Timeout = time.Hour },
		"attribute":   func(c *directory.LDAPConfig) { c.Attributes.Card = "card)(uid=*" },
		"photo":       func(c *directory.LDAPConfig) { c.Attributes.Photo = "*" },
		"active":      func(c *directory.LDAPConfig) { c.Active = []string{"1"} },
		"status":      func(c *directory.LDAPConfig) { c.Attributes.Status = "status" },
		"half a role": func(c *directory.LDAPConfig) { c.Roles = []directory.RoleValue{{Value: "a"}} },
	} {
		c := good
		edit(&c)
		if err := c.Check(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	empty := directory.LDAPParts{Config: good}
	if _, err := directory.NewLDAP(empty); err == nil || !strings.Contains(err.Error(), "password") {
		t.Errorf("an empty password: %v", err)
	}
	empty.Password = secret.NewPassword("x")
	if _, err := directory.NewLDAP(empty); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing authority: %v", err)
	}
}
