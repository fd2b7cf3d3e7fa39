package notice

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// aiosmtpd is a mail server we did not write, with TLS and a sign-in. It prints its port, then what
// it takes, as Python's own mail parser reads it.
const aiosmtpd = `
import asyncio, email, email.policy, json, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult
cert, key, implicit = sys.argv[1], sys.argv[2], sys.argv[3] == "implicit"
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(cert, key)
def sign_in(server, session, envelope, mechanism, data):
    ok = data.login == b"desk" and data.password == b"s3cret"
    return AuthResult(success=ok, handled=False)
class Handler:
    async def handle_DATA(self, server, session, envelope):
        m = email.message_from_bytes(envelope.content, policy=email.policy.default)
        print(json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": implicit or session.ssl is not None,
            "subject": m["subject"], "id": m["message-id"], "auto": m["auto-submitted"],
            "text": m.get_content(), "defects": [str(d) for d in m.defects]}), flush=True)
        return "250 taken"
def desk():
    return SMTP(Handler(), hostname="test", tls_context=None if implicit else context,
        require_starttls=not implicit, authenticator=sign_in, auth_required=True,
        auth_require_tls=not implicit)
async def main():
    server = await asyncio.get_running_loop().create_server(desk, "127.0.0.1", 0,
        ssl=context if implicit else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
`

type python struct {
	port  string
	lines chan string
}

// startPython runs the server; without it the test skips, but not on CI.
func startPython(t *testing.T, mode string) (*python, []byte) {
	t.Helper()
	const bin = "/usr/bin/python3" // Debian's own, which knows Debian's packages
	if exec.Command(bin, "-c", "import aiosmtpd").Run() != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("python3-aiosmtpd is missing")
		}
		t.Skip("python3-aiosmtpd is not installed")
	}
	dir := t.TempDir()
	_, cert, key := certificate(t)
	for name, data := range map[string][]byte{"cert": cert, "key": key, "smtpd.py": []byte(aiosmtpd)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(bin, filepath.Join(dir, "smtpd.py"), filepath.Join(dir, "cert"),
		filepath.Join(dir, "key"), mode)
	p := &python{lines: make(chan string, 16)}
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &lineWriter{to: p.lines}, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	select {
	case p.port = <-p.lines:
	case <-time.After(20 * time.Second):
		t.Fatalf("the mail server did not start: %s", errs.String())
	}
	return p, cert
}

// lineWriter passes on whole lines.
type lineWriter struct {
	rest string
	to   chan string
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest += string(p)
	for {
		line, rest, found := strings.Cut(w.rest, "\n")
		if !found {
			return len(p), nil
		}
		w.rest = rest
		w.to <- line
	}
}

// An independent server takes our mail under both kinds of TLS, and an independent parser reads it.
func TestMailToAiosmtpd(t *testing.T) {
	for _, mode := range []string{"starttls", "implicit"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			server, ca := startPython(t, mode)
			c := MailConfig{Server: "127.0.0.1:" + server.port, Implicit: mode == "implicit",
				From: "UM 幫助台 <desk@example.edu>", Login: "desk",
				Password: secret.NewPassword("s3cret"), CA: ca}
			m, err := NewMailer(c)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t)
			p := chanTai
			p.Lang = "zh-Hant"
			w.ledger = newLedgerWith(p)
			r := w.runner(t, m, nil)
			w.happen(t, taken)
			if err := r.rounds(t.Context(), map[provisioning.NoticeChannel]*outbox{}); err != nil {
				t.Fatal(err)
			}
			if left := w.states(); len(left) != 0 {
				t.Fatalf("left %v: %s", left, w.logs)
			}
			checkPython(t, <-server.lines)
			c.Password = secret.NewPassword("wrong")
			if m, err = NewMailer(c); err != nil {
				t.Fatal(err)
			}
			wantFailure(t, m.Send(t.Context(), Message{ID: "1", To: "a@example.edu"}),
				provisioning.NotDelivered, true)
		})
	}
}

func checkPython(t *testing.T, line string) {
	t.Helper()
	var got struct {
		From, Subject, ID, Auto, Text string
		To, Defects                   []string
		TLS                           bool
	}
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatal(err)
	}
	if got.From != "desk@example.edu" || len(got.To) != 1 || got.To[0] != "chan@example.edu" ||
		!got.TLS || strings.TrimSpace(got.Subject) != "已為您的帳戶發出通行碼" || got.Auto != "auto-generated" ||
		!strings.HasSuffix(got.ID, "@example.edu>") || len(got.Defects) != 0 {
		t.Errorf("%+v", got)
	}
	for _, want := range []string{"陳大文：您好！", "短期通行碼", "2026年11月24日 12:00", "可使用 5 次"} {
		if !strings.Contains(got.Text, want) {
			t.Errorf("no %q in %q", want, got.Text)
		}
	}
}
