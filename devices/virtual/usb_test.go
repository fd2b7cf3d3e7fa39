package virtual

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/usbip"
)

// onUSB returns a key on a bus, its USB device and the bus.
func onUSB(t *testing.T, o Options) (*Bus, *Key, usbip.Device) {
	t.Helper()
	k := New(o)
	b := NewBus(k)
	b.Plug(k)
	return b, k, k.USB()
}

// ask is a control transfer by request type and number.
func ask(
	t *testing.T, d usbip.Device, request, value, index, length uint16, out []byte,
) ([]byte, error) {
	t.Helper()
	return d.Control(t.Context(), usbip.Setup{
		RequestType: uint8(request >> 8), Request: uint8(request),
		Value: value, Index: index, Length: length,
	}, out)
}

// TestDescriptors walks the configuration as a host does: every length adds up, and the interfaces
// are those the product id promises. A real 0407 says 150 bytes.
func TestDescriptors(t *testing.T) {
	for product, c := range map[uint16]struct {
		total, interfaces int
		reports           []int
	}{
		0x0401: {34, 1, []int{71}},
		0x0402: {41, 1, []int{34}},
		0x0403: {66, 2, []int{71, 34}},
		0x0407: {150, 3, []int{71, 34}},
	} {
		_, _, d := onUSB(t, Options{Product: product})
		device := d.Descriptor()
		if len(device) != 18 || binary.LittleEndian.Uint16(device[8:]) != Vendor ||
			binary.LittleEndian.Uint16(device[10:]) != product || device[16] != 0 {
			t.Errorf("%04x: device descriptor % x", product, device)
		}
		all, err := ask(t, d, getDescriptor, typeConfig<<8, 0, 512, nil)
		want(t, "configuration", err, nil)
		if len(all) != c.total || int(binary.LittleEndian.Uint16(all[2:])) != c.total {
			t.Errorf("%04x: configuration of %d bytes, want %d", product, len(all), c.total)
		}
		interfaces, rest := 0, all
		for ; len(rest) > 0; rest = rest[rest[0]:] {
			if int(rest[0]) < 2 || int(rest[0]) > len(rest) {
				t.Fatalf("%04x: a descriptor of %d bytes in %d", product, rest[0], len(rest))
			}
			if rest[1] == typeInterface {
				interfaces++
			}
		}
		if interfaces != c.interfaces || int(all[4]) != c.interfaces {
			t.Errorf("%04x: %d interfaces, want %d", product, interfaces, c.interfaces)
		}
		for i, size := range c.reports {
			r, err := ask(t, d, classDescriptor, typeReport<<8, uint16(i), 512, nil)
			if err != nil || len(r) != size {
				t.Errorf("%04x: report descriptor %d of %d bytes (%v)", product, i, len(r), err)
			}
		}
	}
}

func TestControlTransfers(t *testing.T) {
	_, _, d := onUSB(t, Options{})
	for _, c := range []struct {
		name                          string
		request, value, index, length uint16
		out                           []byte
		in                            int
		err                           error
	}{
		{name: "device, eight bytes", request: getDescriptor, value: 0x0100, length: 8, in: 8},
		{name: "languages", request: getDescriptor, value: 0x0300, length: 255, in: 4},
		{name: "manufacturer", request: getDescriptor, value: 0x0301, length: 255, in: 14},
		{name: "no serial", request: getDescriptor, value: 0x0303, length: 255,
			err: usbip.ErrStall},
		{name: "qualifier", request: getDescriptor, value: 0x0600, length: 10,
			err: usbip.ErrStall},
		{name: "set configuration", request: setConfiguration, value: 1},
		{name: "set idle", request: setIdle},
		{name: "boot protocol", request: setProtocol},
		{name: "device status", request: getStatusDevice, length: 2, in: 2},
		{name: "feature report", request: getReport, value: 0x0300, length: 8, in: 8},
		{name: "input report", request: getReport, value: 0x0100, length: 8, in: 8},
		{name: "feature report of FIDO", request: getReport, value: 0x0300, index: 1, length: 8,
			err: usbip.ErrStall},
		{name: "set feature", request: setReport, value: 0x0300, length: 8,
			out: []byte{7: 0x8F}},
		{name: "LEDs", request: setReport, value: 0x0200, length: 1, out: []byte{1}},
		{name: "set a short feature", request: setReport, value: 0x0300, length: 7,
			out: make([]byte, 7), err: usbip.ErrStall},
		{name: "set a feature of FIDO", request: setReport, value: 0x0300, index: 1,
			length: 8, out: make([]byte, 8), err: usbip.ErrStall},
		{name: "nonsense", request: 0xC055, length: 1, err: usbip.ErrStall},
	} {
		in, err := ask(t, d, c.request, c.value, c.index, c.length, c.out)
		want(t, c.name, err, c.err)
		if len(in) != c.in {
			t.Errorf("%s: %d bytes, want %d", c.name, len(in), c.in)
		}
	}
}

// usbHID drives the USB device as a kernel would, so that the host of the other tests fits.
type usbHID struct{ d usbip.Device }

func (u usbHID) SetFeature(ctx context.Context, report []byte) error {
	_, err := u.d.Control(ctx, usbip.Setup{RequestType: 0x21, Request: 9, Value: 0x0300,
		Length: uint16(len(report))}, report)
	return err
}

func (u usbHID) GetFeature(ctx context.Context, report []byte) (int, error) {
	in, err := u.d.Control(ctx, usbip.Setup{RequestType: 0xA1, Request: 1, Value: 0x0300,
		Length: uint16(len(report))}, nil)
	return copy(report, in), err
}

func (u usbHID) ReadInput(ctx context.Context, report []byte) (int, error) {
	in, err := u.d.In(ctx, endpointKeyboard, len(report))
	return copy(report, in), err
}

func (u usbHID) Close() error { return nil }

func TestProgramAndTypeOverUSB(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, d := onUSB(t, Options{})
		h := &host{t: t, hid: usbHID{d}}
		if status := h.play(like("")); status[4] != 1 {
			t.Fatalf("status % x", status)
		}
		if serial := h.answer(0x10, nil); binary.BigEndian.Uint32(serial) != k.Serial() {
			t.Errorf("serial % x", serial)
		}
		mustTouch(t, k, 1)
		if line := h.line(); line != rfcCodes[0] {
			t.Errorf("typed %q", line)
		}
	})
}

// TestKeystrokesNobodyFetches are dropped, and a key held down is released.
func TestKeystrokesNobodyFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, d := onUSB(t, Options{})
		h := &host{t: t, hid: usbHID{d}}
		h.play(like(""))
		mustTouch(t, k, 1)
		press, err := d.In(t.Context(), endpointKeyboard, reportSize)
		want(t, "first press", err, nil)
		if press[2] != 0x24 {
			t.Errorf("first report % x", press)
		}
		time.Sleep(time.Minute)
		release, err := d.In(t.Context(), endpointKeyboard, reportSize)
		want(t, "release", err, nil)
		if !bytes.Equal(release, make([]byte, reportSize)) {
			t.Errorf("after the silence % x, want a release", release)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if more, err := d.In(ctx, endpointKeyboard, reportSize); err == nil {
			t.Errorf("more keystrokes came: % x", more)
		}
		mustTouch(t, k, 1)
		if line := h.line(); line != rfcCodes[1] {
			t.Errorf("the next touch typed %q", line)
		}
	})
}

func TestUSBDeviceOfAnEarlierPlugging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, k, d := onUSB(t, Options{})
		done := make(chan error)
		go func() {
			_, err := d.In(t.Context(), endpointFIDOIn, fidoReportSize)
			done <- err
		}()
		synctest.Wait()
		b.Unplug(k)
		want(t, "waiting transfer", <-done, devices.ErrUnplugged)
		b.Plug(k)
		_, err := ask(t, d, getDescriptor, 0x0100, 0, 18, nil)
		want(t, "control", err, devices.ErrUnplugged)
		want(t, "out", d.Out(t.Context(), endpointFIDOOut, nil), devices.ErrUnplugged)
		_, err = ask(t, k.USB(), getDescriptor, 0x0100, 0, 18, nil)
		want(t, "control of the new plugging", err, nil)
	})
}

func TestUSBFaultCutsTheKeyOff(t *testing.T) {
	_, k, d := onUSB(t, Options{})
	k.Misbehave(Fault{UnplugAfterSets: 1, Unacknowledged: true})
	err := usbHID{d}.SetFeature(t.Context(), []byte{7: 0x80})
	want(t, "set feature", err, devices.ErrUnplugged)
	if k.Plugged() {
		t.Error("the key is plugged in")
	}
}

func TestFIDOAnswersInit(t *testing.T) {
	_, _, d := onUSB(t, Options{})
	packet := func(command byte, data ...byte) []byte {
		p := make([]byte, fidoReportSize)
		copy(p, []byte{0xFF, 0xFF, 0xFF, 0xFF, command, 0, byte(len(data))})
		copy(p[7:], data)
		return p
	}
	for _, c := range []struct {
		name string
		out  []byte
		want []byte
	}{
		{"init", packet(fidoInit, 1, 2, 3, 4, 5, 6, 7, 8), []byte{0xFF, 0xFF, 0xFF, 0xFF, 0x86, 0,
			17, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1, 2, 5, 4, 3, 1}},
		{"ping", packet(fidoPing, 9), []byte{0xFF, 0xFF, 0xFF, 0xFF, 0x81, 0, 1, 9}},
		{"unknown", packet(0x90), []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xBF, 0, 1, 1}},
	} {
		want(t, c.name, d.Out(t.Context(), endpointFIDOOut, c.out), nil)
		got, err := d.In(t.Context(), endpointFIDOIn, fidoReportSize)
		want(t, c.name, err, nil)
		if len(got) != fidoReportSize || !bytes.HasPrefix(got, c.want) {
			t.Errorf("%s: % x", c.name, got)
		}
	}
}

func TestFIDOPackets(t *testing.T) {
	message := make([]byte, 57+59+1)
	for i := range message {
		message[i] = byte(i)
	}
	packets := fidoPackets(7, fidoPing, message)
	if len(packets) != 3 {
		t.Fatalf("%d packets, want 3", len(packets))
	}
	got := append([]byte(nil), packets[0][7:]...)
	for i, p := range packets[1:] {
		if len(p) != fidoReportSize || p[4] != byte(i) {
			t.Errorf("packet %d: % x", i+1, p[:5])
		}
		got = append(got, p[5:]...)
	}
	if !bytes.HasPrefix(got, message) || len(packets[0]) != fidoReportSize {
		t.Error("the message was not cut in order")
	}
}

func TestCCIDHasNoCard(t *testing.T) {
	_, _, d := onUSB(t, Options{})
	for _, c := range []struct{ out, want []byte }{
		{[]byte{0x65, 0, 0, 0, 0, 0, 7, 0, 0, 0}, []byte{0x81, 0, 0, 0, 0, 0, 7, 0x42, 0xFE, 0}},
		{[]byte{0x62, 0, 0, 0, 0, 0, 8, 0, 0, 0}, []byte{0x80, 0, 0, 0, 0, 0, 8, 0x42, 0xFE, 0}},
	} {
		want(t, "out", d.Out(t.Context(), endpointCCIDOut, c.out), nil)
		got, err := d.In(t.Context(), endpointCCIDIn, 64)
		if err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("% x was answered % x (%v)", c.out, got, err)
		}
	}
}
