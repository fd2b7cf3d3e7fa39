package notice

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/tokendesk/tokendesk/provisioning"
)

// known are the parameters a text may have.
var known = []string{"name", "desk", "site", "at", "serial", "due", "kind", "until", "uses"}

// Every language says every kind, with the same parameters, and none says a passcode in a notice.
func TestEveryLanguageSaysEverything(t *testing.T) {
	english := languages()["en"]
	for tag, l := range languages() {
		if len(l.Months) != 12 {
			t.Errorf("%s: %d months", tag, len(l.Months))
		}
		for name, text := range map[string]string{"date": l.Date, "greeting": l.Greeting,
			"alarm": l.Alarm, "closing": l.Closing, "twice": l.Twice, "twice_sms": l.TwiceSMS} {
			if text == "" {
				t.Errorf("%s: no %s", tag, name)
			}
		}
		for word := range english.Passcodes {
			if l.Passcodes[word] == "" {
				t.Errorf("%s: no word for the passcode %q", tag, word)
			}
		}
		for _, kind := range provisioning.NoticeKinds() {
			compare(t, tag+" "+string(kind), english.articles[string(kind)], l.articles[string(kind)])
		}
		for _, of := range [][2]string{{english.Delivery.Mail, l.Delivery.Mail},
			{english.Delivery.Subject, l.Delivery.Subject}} {
			if of[1] == "" || !slices.Equal(params(of[0]), params(of[1])) {
				t.Errorf("%s: the delivery takes %v, not %v", tag, params(of[1]), params(of[0]))
			}
		}
	}
}

func compare(t *testing.T, name string, want, got article) {
	t.Helper()
	for _, of := range [][2]string{{want.Subject, got.Subject}, {want.Mail, got.Mail},
		{want.SMS, got.SMS}} {
		if of[1] == "" || !slices.Equal(params(of[0]), params(of[1])) {
			t.Errorf("%s: %q takes %v, the English %v", name, of[1], params(of[1]), params(of[0]))
		}
		if strings.Count(of[0], "[") != strings.Count(of[1], "[") {
			t.Errorf("%s: %q has other optional parts than the English", name, of[1])
		}
		for _, p := range params(of[1]) {
			if !slices.Contains(known, p) {
				t.Errorf("%s: there is no parameter %q", name, p)
			}
		}
	}
	if strings.ContainsAny(got.Subject, "[{") {
		t.Errorf("%s: a subject stands on the lock screen of a phone and says nothing in particular",
			name)
	}
}

// params are the names in a text, each once, sorted; the desk's own name may stand where it reads
// well.
func params(text string) []string {
	list := slices.DeleteFunc(names(text), func(n string) bool { return n == "desk" })
	slices.Sort(list)
	return slices.Compact(list)
}

// A file holds nothing that is not read.
func TestTextsHoldNothingUnknown(t *testing.T) {
	for _, tag := range Languages() {
		var tree map[string]any
		if _, err := toml.DecodeFS(files, "texts/"+tag+".toml", &tree); err != nil {
			t.Fatal(err)
		}
		for key, value := range tree {
			_, table := value.(map[string]any)
			kind := slices.Contains(provisioning.NoticeKinds(), provisioning.NoticeKind(key))
			if table && !kind && key != "passcodes" && key != "delivery" {
				t.Errorf("%s: [%s] is no kind of notice", tag, key)
			}
		}
	}
}

func TestMomentsAreSpelled(t *testing.T) {
	site, err := provisioning.LoadSite("um")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 5, 9, 7, 0, 0, time.UTC)
	for tag, want := range map[string]string{"en": "5 March 2026, 17:07",
		"zh-Hant": "2026年3月5日 17:07", "pt": "5 de março de 2026, 17:07", "ms": "5 Mac 2026, 17:07"} {
		if got := languages()[tag].moment(site, at); got != want {
			t.Errorf("%s: %s, want %s", tag, got, want)
		}
	}
}

func TestFill(t *testing.T) {
	w := words{"a": "1", "b": "{a}"}
	for text, want := range map[string]string{
		"x {a} y": "x 1 y", "[no {c}]": "", "[yes {a}] {b}": "yes 1 {a}", "[open {a}": "open 1",
		"{b}{a}": "{a}1", "{c}": "",
	} {
		if got := fill(text, w); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestContacts(t *testing.T) {
	for text, want := range map[string]bool{"a@b.mo": true, " a@b.mo ": true, "a": false, "": false,
		"A <a@b.mo>": false, "a@b.mo, c@d.mo": false, "a@b.mo\r\nBcc: x@y.mo": false,
		"\"a b\"@c.mo": false} {
		if _, ok := contact(provisioning.NoticeByMail, text); ok != want {
			t.Errorf("mail %q: %v", text, ok)
		}
	}
	for text, want := range map[string]bool{"+85366123456": true, "66123456": false, "+0123456789": false,
		"+853 6612 3456": false, "": false, "+1234567890123456": false} {
		if _, ok := contact(provisioning.NoticeBySMS, text); ok != want {
			t.Errorf("phone %q: %v", text, ok)
		}
	}
}
