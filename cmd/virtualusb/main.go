// Command virtualusb puts software YubiKeys, or a card reader, on this kernel's USB bus (vhci_hcd,
// needs root), or offers them to other machines over USB/IP. Its other commands are the hand at the counter: they
// plug, touch and pull the keys of one that runs.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/tokendesk/tokendesk/devices/virtual"
)

// commandLine is the whole of it.
type commandLine struct {
	Socket string `help:"Control socket." default:"/run/virtualusb.sock" type:"path"`

	Run    runCommand    `cmd:"" help:"Keep the keys, until interrupted."`
	Keys   keysCommand   `cmd:"" help:"List the keys and what is in their slots."`
	Plug   plugCommand   `cmd:"" help:"Put a key in."`
	Unplug unplugCommand `cmd:"" help:"Pull a key out."`
	Touch  touchCommand  `cmd:"" help:"Put a finger on a key."`
	Fault  faultCommand  `cmd:"" help:"Make a key misbehave; without flags, make it well."`
	Reader readerCommand `cmd:"" help:"Keep a card reader; its hand is the standard input."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var line commandLine
	k := kong.Parse(&line, kong.Name("virtualusb"),
		kong.Description("Software YubiKeys and card readers for a kernel's USB bus."))
	k.BindTo(ctx, (*context.Context)(nil))
	k.Bind(&line)
	k.FatalIfErrorf(k.Run())
}

// keys reaches the process that keeps the keys.
func (c *commandLine) keys() *virtual.Remote { return virtual.Dial(c.Socket) }

type keysCommand struct{}

// Run lists the keys.
func (keysCommand) Run(ctx context.Context, line *commandLine) error {
	keys, err := line.keys().Keys(ctx)
	for _, k := range keys {
		describe(os.Stdout, k)
	}
	return err
}

// serialArg names a key.
type serialArg struct {
	Serial uint32 `arg:"" help:"Serial of the key."`
}

type plugCommand struct{ serialArg }

// Run plugs a key in.
func (c plugCommand) Run(ctx context.Context, line *commandLine) error {
	return line.keys().Plug(ctx, c.Serial)
}

type unplugCommand struct{ serialArg }

// Run pulls a key out.
func (c unplugCommand) Run(ctx context.Context, line *commandLine) error {
	return line.keys().Unplug(ctx, c.Serial)
}

type touchCommand struct {
	serialArg
	Slot int `arg:"" help:"Slot: 1 for a short touch, 2 for a long one." default:"1"`
}

// Run touches a key. What it types goes to whoever has the key, and nowhere else.
func (c touchCommand) Run(ctx context.Context, line *commandLine) error {
	_, err := line.keys().Touch(ctx, c.Serial, c.Slot)
	return err
}

type faultCommand struct {
	serialArg
	UnplugAfterSets   int           `help:"Pull the key after so many feature reports it took."`
	UnplugAfterGets   int           `help:"Pull the key after so many feature reports it gave."`
	UnplugAfterInputs int           `help:"Pull the key after so many keyboard reports."`
	Busy              time.Duration `help:"Stay busy for so long after every command."`
	Late              time.Duration `help:"Hold every answer back for so long."`
	Slow              time.Duration `help:"Wait so long before every keyboard report."`
	Refuse            bool          `help:"Refuse every write."`
	Wrap              bool          `help:"Set the programming sequence to 255."`
	Corrupt           bool          `help:"Acknowledge writes and keep the wrong secret."`
}

// Run sets the fault, in place of the one before.
func (c faultCommand) Run(ctx context.Context, line *commandLine) error {
	return line.keys().Misbehave(ctx, c.Serial, virtual.Fault{
		UnplugAfterSets: c.UnplugAfterSets, UnplugAfterGets: c.UnplugAfterGets,
		UnplugAfterInputs: c.UnplugAfterInputs,
		Busy:              c.Busy, Late: c.Late, Slow: c.Slow,
		Refuse: c.Refuse, Wrap: c.Wrap, Corrupt: c.Corrupt,
	})
}
