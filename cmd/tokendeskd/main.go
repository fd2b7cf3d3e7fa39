// Command tokendeskd is the appliance daemon: it opens the desk its configuration names, on the
// real USB bus, and serves until it is told to stop.
package main

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/devices/usb"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/systemd"
)

// stopWithin bounds an end in order after the disk failed.
const stopWithin = 15 * time.Second

func main() {
	config := flag.String("config", "/etc/tokendesk/desk.toml", "configuration `file`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *config); err != nil {
		systemd.Logger(os.Stderr).Error("the daemon ends", append(daemon.Classify(err), "err", err)...)
		os.Exit(1)
	}
}

func run(ctx context.Context, path string) error {
	if err := systemd.NoDump(); err != nil {
		return err
	}
	config, err := daemon.ReadConfig(path)
	if err != nil {
		return err
	}
	site, err := provisioning.LoadSite(config.Site)
	if err != nil {
		return err
	}
	keys, err := daemon.ReadKeys(config)
	if err != nil {
		return err
	}
	listeners, err := systemd.Listeners()
	if err != nil {
		return err
	}
	log := systemd.Logger(os.Stderr)
	bus := usb.New()
	defer bus.Close()
	parts := daemon.Parts{Config: config, Keys: keys, Site: site, Bus: bus,
		ReaderBus: bus, Clock: daemon.SystemClock{}, Log: log, Listeners: listeners, Fatal: func(err error) {
			// A commit whose outcome is unknown: only a new start reads what is true. Run ends once the
			// screens were told.
			log.Error("a durable write failed; the daemon stops", "err", err,
				systemd.WriteFailed.Attr())
			time.AfterFunc(stopWithin, func() { os.Exit(1) })
		}}
	desk, err := daemon.Open(ctx, parts)
	if err != nil {
		daemon.SayDown(ctx, parts, err)
		return err
	}
	return desk.Run(ctx)
}
