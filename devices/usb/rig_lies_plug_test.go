//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tokendesk/tokendesk/devices/devicestest"
	"github.com/tokendesk/tokendesk/devices/usbip"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
)

// pluggedLie is a device that lies.
type pluggedLie struct {
	lie
	*honest
	o outcome
	// mark stands in the kernel's log before everything that it says of the device.
	mark   string
	port   *usbip.Port
	device string
	// address is the one that the kernel gave it.
	address string
	keys    []*virtual.Key
	// empty is since when the device has had no interface for us.
	empty time.Time
	// plug is what the bench shows.
	plug provisioning.Plug
}

// tell plugs the liar in, waits for what becomes of it, uses it as a visit would if it may be used,
// and pulls it out.
func (p *pluggedLie) tell(serial uint32) []outcome {
	p.o.kind, p.o.name = p.kind, p.name
	var turn atomic.Int32
	if err := p.plugIn(p.build(serial, &turn)); err != nil {
		p.wrong("%v", err)
		return []outcome{p.o}
	}
	began := time.Now()
	if !slowly(outcomeTime, p.settled) {
		p.wrong("nothing is known of it after %v", outcomeTime)
	}
	p.o.took = time.Since(began)
	all := []outcome{p.o}
	if p.byReader && p.o.ours {
		all = p.turns(&turn)
	} else if p.plug.Info != nil && p.kind != "string" && p.kind != "report descriptor" {
		p.visit()
		all[0] = p.o
	}
	if err := p.pullOut(); err != nil {
		all[0].wrong = append(all[0].wrong, err.Error())
	}
	for _, k := range p.keys {
		if p.never && k.Sequence() != 0 {
			all[0].wrong = append(all[0].wrong, "it was written")
		}
	}
	return all
}

// plugIn puts the device into a port that is free and cleared: what comes into one right after
// another device, the kernel may take for that one.
func (p *pluggedLie) plugIn(device usbip.Device) (err error) {
	p.ports.Lock()
	defer p.ports.Unlock()
	p.kernel.note(p.mark)
	if p.port, err = usbip.Attach(context.Background(), device); err != nil {
		return err
	}
	bus, _, _ := strings.Cut(p.path, "-")
	p.device = fmt.Sprintf("%s-%d", bus, p.port.Number+1)
	return nil
}

// pullOut pulls it and waits until the kernel and then the bench have forgotten it.
func (p *pluggedLie) pullOut() error {
	if err := p.unplug(); err != nil {
		return err
	}
	if !slowly(outcomeTime, func() bool {
		_, shown := p.shows()
		return !shown
	}) {
		return errors.New("it is still shown after it was pulled")
	}
	return nil
}

// quiet says whether nobody is using the device. vhci lets a transfer that was begun while it was
// pulled time out, with which it would keep the kernel for five seconds.
func (p *pluggedLie) quiet() bool {
	drivers, _ := filepath.Glob("/sys/bus/usb/devices/" + p.device + ":*/driver")
	for _, link := range drivers {
		if target, _ := os.Readlink(link); filepath.Base(target) == "usbfs" {
			return false
		}
	}
	// The kernel answers this when it is done with the device.
	_, _ = os.ReadFile(filepath.Join("/sys/bus/usb/devices", p.device, "bConfigurationValue"))
	plug, shown := p.shows()
	return !shown || !plug.Usable || plug.Info != nil
}

func (p *pluggedLie) unplug() error {
	_ = slowly(5*time.Second, p.quiet)
	p.ports.Lock()
	defer p.ports.Unlock()
	if err := p.port.Detach(); err != nil {
		return err
	}
	if !within(outcomeTime, func() bool { return !p.present() }) {
		return errors.New("it is still there after it was pulled")
	}
	return nil
}

func (p *pluggedLie) wrong(format string, args ...any) {
	p.o.wrong = append(p.o.wrong, fmt.Sprintf(format, args...))
}

// slowly is within where the answer costs something.
func slowly(limit time.Duration, holds func() bool) bool {
	for end := time.Now().Add(limit); !holds(); time.Sleep(80 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// build makes the device.
func (p *pluggedLie) build(serial uint32, turn *atomic.Int32) usbip.Device {
	if p.byReader {
		reader := virtual.NewCardReader(virtual.CardReaderOptions{Serial: "LIAR"})
		virtual.NewCardReaders(reader)
		reader.Put(idCard())
		if p.messages != nil {
			return teller(reader.USB(), p.messages, turn)
		}
		return p.liar(reader.USB())
	}
	var tokens []usbip.Device
	for i := range max(1, p.faces) {
		// Fewer interfaces are sooner probed; only some lies need more than the keyboard.
		product := uint16(0x0401)
		if p.kind == "configuration" {
			product = 0x0403
		}
		k := virtual.New(virtual.Options{Serial: serial + uint32(i), Product: product})
		virtual.NewBus().Plug(k)
		p.keys, tokens = append(p.keys, k), append(tokens, k.USB())
	}
	if p.faces > 0 {
		return &devicestest.Faces{Device: tokens[0], Others: tokens[1:]}
	}
	return p.liar(tokens[0])
}

// present says whether the kernel has the device, and takes its address down.
func (p *pluggedLie) present() bool {
	raw, err := os.ReadFile(filepath.Join("/sys/bus/usb/devices", p.device, "devnum"))
	if err == nil {
		p.address = strings.TrimSpace(string(raw))
	}
	return err == nil
}

// shows is the device on the bench, which may still show the one that was at the port before.
func (p *pluggedLie) shows() (provisioning.Plug, bool) {
	for _, plug := range p.bench.Plugs() {
		path, rest, _ := strings.Cut(plug.ID, "@")
		address, _, _ := strings.Cut(rest, ".")
		if strings.HasPrefix(path, p.device+":") && address == p.address {
			return plug, true
		}
	}
	return provisioning.Plug{}, false
}

// settled says whether it is known what became of the device.
func (p *pluggedLie) settled() bool {
	if !p.present() {
		p.o.shown = "nothing: the kernel refuses it"
		bus, port, _ := strings.Cut(p.device, "-")
		refused := fmt.Sprintf("usb%s-port%s: unable to enumerate", bus, port)
		return strings.Contains(p.kernel.since(p.mark), refused)
	}
	if !p.o.kernel || p.interesting() {
		p.o.kernel, p.empty = true, time.Now()
	}
	if p.byReader {
		_, p.o.ours = readerAt(p.key.bus, p.device)
		return p.o.ours || p.isEmpty()
	}
	if plug, ok := p.shows(); ok {
		p.o.ours, p.plug = true, plug
		return p.decided()
	}
	return p.isEmpty()
}

// interesting says whether the kernel has an interface of the device that is for our drivers.
func (p *pluggedLie) interesting() bool {
	classes, _ := filepath.Glob("/sys/bus/usb/devices/" + p.device + ":*/bInterfaceClass")
	for _, file := range classes {
		class, _ := os.ReadFile(file)
		want := map[bool]string{true: "0b", false: "03"}[p.byReader]
		if strings.TrimSpace(string(class)) == want {
			return true
		}
	}
	return false
}

func (p *pluggedLie) isEmpty() bool {
	p.o.shown = "nothing: it has no interface for us"
	return time.Since(p.empty) > emptyTime
}

// decided says whether the bench has made up its mind.
func (p *pluggedLie) decided() bool {
	switch {
	case !p.plug.Usable:
		p.o.shown = string(p.plug.Why)
		if p.plug.Why == "" || p.plug.Err == nil {
			p.wrong("it is shown as unusable without a reason")
		}
		return true
	case p.plug.Info == nil:
		return false
	}
	p.o.shown = "usable, serial " + p.plug.Info.Serial
	if p.never {
		p.wrong("it is shown as usable, with serial %q", p.plug.Info.Serial)
	}
	return true
}

// visitTime bounds a visit to a device that lies.
const visitTime = 8 * time.Second

// visit writes the device if it still is what it was shown as, and reads it.
func (p *pluggedLie) visit() {
	began := time.Now()
	if err := p.write(); err != nil {
		p.o.shown += "; then " + err.Error()
	}
	if took := time.Since(began); took > visitTime {
		p.wrong("it kept a visit for %v", took)
	}
}

func (p *pluggedLie) write() error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	token, err := p.bench.Open(ctx, p.plug.ID)
	if err != nil {
		return err
	}
	defer token.Close()
	info, err := token.Identify(ctx)
	if err != nil {
		return err
	}
	if info.Serial != p.plug.Info.Serial {
		return errors.New("it tells another serial")
	}
	if err := token.Program(ctx, config(1, 6, nil, nil)); err != nil {
		return err
	}
	if p.kind == "keyboard report" {
		reading, stop := context.WithTimeout(ctx, 300*time.Millisecond)
		defer stop()
		_, err = token.ReadOTP(reading, 6)
	}
	return err
}

// turns opens the reader and uses it, once for each lie that it tells.
func (p *pluggedLie) turns(turn *atomic.Int32) (all []outcome) {
	info, _ := readerAt(p.key.bus, p.device)
	ctx, cancel := context.WithTimeout(context.Background(), readerTime)
	defer cancel()
	link, err := p.key.bus.OpenReader(ctx, info)
	if err != nil {
		p.o.shown = err.Error()
		return []outcome{p.o}
	}
	for i := range max(1, len(p.messages)) {
		o := p.o
		turn.Store(int32(i))
		if p.messages != nil {
			o.name = p.messages[i].name
		}
		began := time.Now()
		o.shown = tryReader(link)
		if took := time.Since(began); took > readerTime {
			o.wrong = append(o.wrong, fmt.Sprintf("it kept us for %v", took))
		}
		all = append(all, o)
	}
	if err := link.Close(); err != nil {
		all[0].wrong = append(all[0].wrong, err.Error())
	}
	return all
}
