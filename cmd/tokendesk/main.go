// Command tokendesk is the operator's command on a desk: it makes a new desk, and reaches a running
// one through its admin socket. It refuses to open the desk's file itself.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/tokendesk/tokendesk/daemon"
)

// cli is the command line.
type cli struct {
	Config   string      `help:"Configuration file of the desk." default:"/etc/tokendesk/desk.toml" type:"path"`
	Init     initCmd     `cmd:"" help:"Make the keys and the empty store of a new desk, and its card for the verifier."`
	Status   statusCmd   `cmd:"" help:"How the running desk is doing, and which tokens are in doubt."`
	Metrics  metricsCmd  `cmd:"" help:"The running desk's figures for a monitoring, in the text format of Prometheus."`
	Officers officersCmd `cmd:"" help:"Who may work at the desk."`
	Renew    renewCmd    `cmd:"" help:"Renew a key of the running desk, without a pause."`
	Card     cardCmd     `cmd:"" help:"Write this desk's card for the verifier, as it is now."`
	Backup   backupCmd   `cmd:"" help:"Write everything this desk needs into one file, sealed to the recovery key."`
	Restore  restoreCmd  `cmd:"" help:"Make the desk of a backup anew on an empty machine."`
	Recovery recoveryCmd `cmd:"" name:"recovery-key" help:"Make the offline key that opens backups."`
	Erase    eraseCmd    `cmd:"" help:"Forget a person who holds nothing and owes nothing, here and at the verifier. The desk pauses while its file is written anew."`
	Erasures erasuresCmd `cmd:"" help:"Who was forgotten, by opaque ids, and whether the verifier has it."`
	Audit    auditCmd    `cmd:"" help:"What the log says, whether it is the one that was signed, and an export for an auditor."`
	Policy   policyCmd   `cmd:"" help:"The terms of a site's profile, and where they deviate from NIST SP 800-63B-4."`
}

// terminal is where a command reads and writes.
type terminal struct {
	in  io.Reader
	out io.Writer
}

func main() { os.Exit(run(os.Args[1:], terminal{os.Stdin, os.Stdout}, os.Stderr)) }

// run is main without the process: the scripts of the tests call it.
func run(args []string, t terminal, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	code := -1
	parser, err := kong.New(&c, kong.Name("tokendesk"), kong.Writers(t.out, stderr),
		kong.Exit(func(status int) { code = status }),
		kong.Description("The operator's command of a token desk."))
	if err != nil {
		panic(err)
	}
	parsed, err := parser.Parse(dashes(args))
	if code >= 0 {
		return code
	}
	if err == nil {
		parsed.BindTo(ctx, (*context.Context)(nil))
		err = parsed.Run(&c, t)
	}
	if err != nil {
		fmt.Fprintln(stderr, "tokendesk:", err)
		return 1
	}
	return 0
}

// dashes lets a long flag begin with one dash, as the flags of other Go programs do.
func dashes(args []string) []string {
	long := slices.Clone(args)
	for i, arg := range long {
		if len(arg) > 2 && arg[0] == '-' && arg[1] != '-' {
			long[i] = "-" + arg
		}
	}
	return long
}

func (c *cli) client() (*daemon.Client, error) {
	config, err := daemon.ReadConfig(c.Config)
	if err != nil {
		return nil, err
	}
	return daemon.NewClient(config.Admin), nil
}
