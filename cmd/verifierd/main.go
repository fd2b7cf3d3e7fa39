// Command verifierd is the central verifier: it makes its own keys and the public bundle desks are
// initialised with, follows the desks it trusts, and checks one-time passwords for its callers. It
// refuses to make up state that is missing.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"

	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// cli is the command line.
type cli struct {
	Config  string     `help:"Configuration file of the verifier." default:"/etc/tokendesk/verifier.toml" type:"path"`
	Init    initCmd    `cmd:"" help:"Make the keys and the empty state of a new verifier, and its public bundle."`
	Run     runCmd     `cmd:"" help:"Follow the desks and answer the callers until told to stop."`
	Status  statusCmd  `cmd:"" help:"How each desk is followed, and what is held."`
	Metrics metricsCmd `cmd:"" help:"The running verifier's figures for a monitoring, in the text format of Prometheus."`
	Desk    deskCmd    `cmd:"" help:"Which desks are followed."`
	Caller  callerCmd  `cmd:"" help:"Who may call the API."`
	Renew   renewCmd   `cmd:"" help:"Renew a key, without a pause."`
	Erase   eraseCmd   `cmd:"" help:"Forget a user whose desk is revoked or gone."`

	EscrowKey escrowKeyCmd `cmd:"" help:"The offline key a lost verifier is rebuilt with."`
	Rebuild   rebuildCmd   `cmd:"" help:"Make a verifier in the place of one that was lost, or that was put back from a copy."`
	Backup    backupCmd    `cmd:"" help:"Write the whole state into a file that opens with the escrow key."`
	Move      moveCmd      `cmd:"" help:"Move the verifier to another machine and key, with every counter."`
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main without the process: the scripts of the tests call it.
func run(args []string, out, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	code := -1
	parser, err := kong.New(&c, kong.Name("verifierd"), kong.Writers(out, stderr),
		kong.Exit(func(status int) { code = status }),
		kong.Description("The central verifier of token desks."))
	if err != nil {
		panic(err)
	}
	parsed, err := parser.Parse(dashes(args))
	if code >= 0 {
		return code
	}
	if err == nil {
		parsed.BindTo(ctx, (*context.Context)(nil))
		parsed.BindTo(out, (*io.Writer)(nil))
		err = parsed.Run(&c)
	}
	if err != nil {
		fmt.Fprintln(stderr, "verifierd:", err)
		return 1
	}
	return 0
}

// dashes lets a long flag begin with one dash, as the flags of other Go programs do.
func dashes(args []string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		if len(arg) > 2 && arg[0] == '-' && arg[1] != '-' {
			arg = "-" + arg
		}
		out[i] = arg
	}
	return out
}

// config is the one file a verifier is configured with. It names places, never secrets.
type config struct {
	// State is the directory verifierd init made.
	State string `toml:"state"`
	// Listen is where callers reach the API, outside of socket activation.
	Listen string `toml:"listen"`
	// Admin is the socket of the operator's commands.
	Admin string `toml:"admin"`
	// Groups and Administrators say which groups users are in, exported by the site from its
	// directory: see verifier.Membership. They are read again when they change.
	Groups         string `toml:"groups"`
	Administrators string `toml:"administrators"`
}

// readConfig reads a file over the defaults and refuses keys it does not know.
func readConfig(path string) (config, error) {
	c := config{State: "/var/lib/tokendesk-verifier", Listen: ":8444",
		Admin: "/run/tokendesk-verifier/admin.sock"}
	meta, err := toml.DecodeFile(path, &c)
	if err != nil {
		return config{}, fmt.Errorf("read the configuration %s: %w", path, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		names := make([]string, len(unknown))
		for i, key := range unknown {
			names[i] = key.String()
		}
		return config{}, fmt.Errorf("%s: unknown keys: %s; remove or correct them", path,
			strings.Join(names, ", "))
	}
	return c, nil
}

// withAdmin gives orders to the running verifier if there is one, and works on its state otherwise.
func (c *cli) withAdmin(do func(verifier.Admin) error) error {
	conf, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	if conn, err := net.DialTimeout("unix", conf.Admin, time.Second); err == nil {
		_ = conn.Close()
		return do(verifier.NewAdminClient(conf.Admin))
	}
	state, err := verifier.Open(conf.State)
	if err != nil {
		return err
	}
	v, err := verifier.New(verifier.Config{State: state})
	if err == nil {
		err = do(v)
	}
	return errors.Join(err, state.Close())
}
