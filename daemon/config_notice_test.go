package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const noticeConfig = `
desk = "icto-1"
site = "um"
[mail]
server = "smtp.example.edu:587"
from = "Help Desk <desk@example.edu>"
login = "desk"
[sms]
url = "https://sms.example.edu/send"
form = true
body = "to={to}&text={text}"
token = true
[mailbox]
server = "imap.example.edu:993"
implicit = true
login = "desk"
every = "30s"
`

func TestNoticeConfig(t *testing.T) {
	c, err := ParseConfig(noticeConfig)
	if err != nil {
		t.Fatal(err)
	}
	if c.Mail.Server != "smtp.example.edu:587" || !c.SMS.Form || c.Mailbox.Every != 30*time.Second {
		t.Errorf("%+v", c)
	}
	base := "desk=\"a\"\nsite=\"um\"\n"
	for name, test := range map[string]struct{ text, says string }{
		"no port":          {"[mail]\nserver=\"smtp\"\nfrom=\"a@b.mo\"", "port"},
		"no sender":        {"[mail]\nserver=\"smtp:25\"", `"from"`},
		"no server":        {"[mail]\nlogin=\"a\"", `"server"`},
		"no body":          {"[sms]\nurl=\"https://a/\"", `"body"`},
		"no login":         {"[mailbox]\nserver=\"a:993\"", `"login"`},
		"too often":        {"[mailbox]\nserver=\"a:993\"\nlogin=\"a\"\nevery=\"1s\"", "10s"},
		"password in file": {"[mail]\nserver=\"a:25\"\nfrom=\"a@b.mo\"\npassword=\"x\"", "mail.password"},
	} {
		_, err := ParseConfig(base + test.text)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The passwords are credentials: one line each, that nobody else can read.
func TestNoticeCredentials(t *testing.T) {
	c, err := ParseConfig(noticeConfig)
	if err != nil {
		t.Fatal(err)
	}
	c.Credentials = t.TempDir()
	if _, err := newMailer(c); err == nil || !strings.Contains(err.Error(), credMail) {
		t.Errorf("without a password: %v", err)
	}
	for name, text := range map[string]string{credMail: "s3cret\n", credSMS: "t0ken"} {
		if err := os.WriteFile(filepath.Join(c.Credentials, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := newMailer(c); err != nil {
		t.Error(err)
	}
	if _, err := newSMS(c); err != nil {
		t.Error(err)
	}
	password, err := c.password(credMail)
	if err != nil || string(password.Expose()) != "s3cret" {
		t.Errorf("%v", err)
	}
	for _, text := range []string{"", "\n", "a\nb"} {
		if err := os.WriteFile(filepath.Join(c.Credentials, credSMS), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := c.password(credSMS); err == nil {
			t.Errorf("taken: %q", text)
		}
	}
	c.Mail.CA = filepath.Join(c.Credentials, "nowhere")
	if _, err := newMailer(c); err == nil || !strings.Contains(err.Error(), "CA") {
		t.Errorf("without its CA: %v", err)
	}
}
