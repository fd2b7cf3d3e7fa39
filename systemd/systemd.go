// Package systemd is the thin side of the daemon that faces the service manager: sockets it was
// given, readiness, the watchdog, credentials and the journal. The units, udev rules, sysusers and
// tmpfiles files of an installation lie in the same folder and are embedded here, so that the
// program can install exactly what it was built with.
//
// It refuses to know what the daemon does: it is told when it is ready and how to check itself.
package systemd

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// Files are the units and rules of an installation, by file name.
//
//go:embed *.service *.socket *.rules *.sysusers *.tmpfiles *.catalog *.pam *.json *.conf
var Files embed.FS

// Listeners returns the sockets systemd passed, by the name their unit gives them
// (FileDescriptorName=). It is empty outside systemd. Each name comes once.
func Listeners() (map[string]net.Listener, error) {
	passed, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("take the sockets systemd passed: %w", err)
	}
	byName := make(map[string]net.Listener, len(passed))
	for name, list := range passed {
		if len(list) != 1 || list[0] == nil {
			return nil, fmt.Errorf("systemd passed %d sockets named %q, one is needed", len(list), name)
		}
		byName[name] = list[0]
	}
	return byName, nil
}

// Ready tells systemd that every listener is open.
func Ready() error { return notify(daemon.SdNotifyReady) }

// Stopping tells systemd that the shutdown has begun.
func Stopping() error { return notify(daemon.SdNotifyStopping) }

// Status puts one line into `systemctl status`.
func Status(line string) error { return notify("STATUS=" + line) }

// notify keeps the environment: unsetting it would silence the watchdog later.
func notify(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	return nil
}

// Watchdog pings systemd at half the interval it asks for, each time only after check has passed,
// until ctx ends. A check that errs is not fatal by itself: the pings stop, and systemd restarts
// the service when its patience ends. Without a watchdog in the unit it just waits.
func Watchdog(ctx context.Context, check func(context.Context) error) error {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("read the watchdog interval: %w", err)
	}
	if every == 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(every / 2)
	defer tick.Stop()
	for {
		if err := checkWithin(ctx, every/2, check); err == nil {
			if err := notify(daemon.SdNotifyWatchdog); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func checkWithin(ctx context.Context, d time.Duration, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return check(ctx)
}

// ErrNoCredential means the unit passes no credential of this name.
var ErrNoCredential = errors.New("no such credential")

// Credential returns the path of a credential the unit passes with LoadCredential=, or
// ErrNoCredential outside such a unit.
func Credential(name string) (string, error) {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" || name != filepath.Base(name) {
		return "", ErrNoCredential
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		return "", ErrNoCredential
	}
	return path, nil
}
