package printer

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cups is Debian's print server, started privately, with one queue.
type cups struct{ port string }

// Everything a private server needs to stay in its folder. FOLDER, PORT and USER are put in.
const (
	cupsdConf = `Listen 127.0.0.1:PORT
Browsing Off
DefaultAuthType None
WebInterface No
PreserveJobFiles No
LogLevel info
<Location />
Allow from 127.0.0.1
</Location>
<Policy default>
<Limit All>
Order deny,allow
Allow from 127.0.0.1
</Limit>
</Policy>
`
	cupsFilesConf = `ServerRoot FOLDER
CacheDir FOLDER/cache
StateDir FOLDER/state
RequestRoot FOLDER/spool
TempDir FOLDER/spool/tmp
AccessLog FOLDER/access_log
ErrorLog FOLDER/error_log
PageLog FOLDER/page_log
User USER
Group lp
SystemGroup root
`
)

func newCups(t *testing.T, printer string) *cups {
	t.Helper()
	need(t, "cupsd", "lpadmin")
	dir, err := os.MkdirTemp("", "cups")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c := &cups{port: port(t)}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if me.Uid == "0" {
		me.Username = "lp"
	}
	put := strings.NewReplacer("FOLDER", dir, "PORT", c.port, "USER", me.Username)
	for _, sub := range []string{"cache", "state", "spool/tmp", "ppd", "ssl"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	conf, files := filepath.Join(dir, "cupsd.conf"), filepath.Join(dir, "cups-files.conf")
	for name, text := range map[string]string{conf: cupsdConf, files: cupsFilesConf} {
		if err := os.WriteFile(name, []byte(put.Replace(text)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	start(t, nil, "cupsd", "-f", "-c", conf, "-s", files)
	within(t, 20*time.Second, "CUPS listens", func() bool { return listens("127.0.0.1:" + c.port) })
	t.Cleanup(func() {
		if text, err := os.ReadFile(filepath.Join(dir, "error_log")); t.Failed() && err == nil {
			t.Logf("CUPS said:\n%s", text[max(0, len(text)-6000):])
		}
	})
	out, err := exec.CommandContext(t.Context(), "lpadmin", "-h", "127.0.0.1:"+c.port, "-p", "slips",
		"-E", "-v", printer, "-m", "everywhere").CombinedOutput()
	if err != nil {
		t.Fatalf("make a queue: %v\n%s", err, out)
	}
	return c
}

func (c *cups) uri() string { return "ipp://127.0.0.1:" + c.port + "/printers/slips" }
