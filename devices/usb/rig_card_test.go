//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tokendesk/tokendesk/devices/ccid"
	"github.com/tokendesk/tokendesk/devices/virtual"
)

// qemu has a card reader of its own, which we did not write. The card behind it is ours: it lives in
// the process that started qemu, behind one socket, and a line of text over another one puts it in
// and takes it out.

// idCard is a card with a UID, and a number in a file of an application.
func idCard() *virtual.SmartCard {
	return &virtual.SmartCard{ATR: []byte{0x3B, 0x02, 0x14, 0x50},
		UID: []byte{4, 0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0x80},
		Files: []*virtual.CardFile{{AID: []byte{0xF0, 1, 2, 3, 4, 5}, ID: 0x4F00,
			Files: []*virtual.CardFile{{ID: 0x5031, Content: []byte("\x00\x0804127781\xff")}}}}}
}

// idPlace is where its number is, and idNumber the number's bytes.
var idPlace = ccid.Place{AID: []byte{0xF0, 1, 2, 3, 4, 5}, Files: [][]byte{{0x50, 0x31}}, Offset: 2,
	Length: 8}

const idNumber = "3034313237373831"

// qemuReader serves such a card and returns the arguments that give a guest the reader for it.
func qemuReader(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	card, hand := filepath.Join(dir, "card"), filepath.Join(dir, "hand")
	var listeners []net.Listener
	for _, path := range []string{card, hand} {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, l)
	}
	s := &slotServer{card: virtual.NewT0Card(idCard())}
	var serving sync.WaitGroup
	serving.Go(func() { s.serveCard(listeners[0]) })
	serving.Go(func() { s.serveHand(listeners[1]) })
	t.Cleanup(func() {
		listeners[0].Close()
		listeners[1].Close()
		serving.Wait()
	})
	return []string{"-device", "qemu-xhci", "-device", "usb-ccid",
		"-chardev", "socket,id=card,path=" + card, "-device", "ccid-card-passthru,chardev=card",
		"-serial", "unix:" + hand}
}

// Messages of the virtual smart card protocol (spice: vscard_common.h).
const (
	vscInit      = 1
	vscReaderAdd = 3
	vscATR       = 5
	vscRemove    = 6
	vscAPDU      = 7
)

// slotServer is the far side of qemu's reader.
type slotServer struct {
	mu   sync.Mutex
	card *virtual.T0Card
	conn net.Conn
}

// say sends one message. The caller has the lock.
func (s *slotServer) say(kind uint32, payload []byte) error {
	if s.conn == nil {
		return errors.New("qemu is not there")
	}
	var b bytes.Buffer
	for _, v := range []uint32{kind, 0, uint32(len(payload))} {
		_ = binary.Write(&b, binary.BigEndian, v)
	}
	b.Write(payload)
	_, err := s.conn.Write(b.Bytes())
	return err
}

// serveCard answers qemu until it goes.
func (s *slotServer) serveCard(l net.Listener) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	s.mu.Lock()
	s.conn = conn
	err = errors.Join(s.say(vscInit, []byte("VSCD\x00\x00\x00\x02\x00\x00\x00\x00")),
		s.say(vscReaderAdd, []byte("rig\x00")))
	s.mu.Unlock()
	for err == nil {
		err = s.answer(conn)
	}
}

func (s *slotServer) answer(conn net.Conn) error {
	var head [3]uint32
	if err := binary.Read(conn, binary.BigEndian, &head); err != nil {
		return err
	}
	payload := make([]byte, head[2])
	if _, err := io.ReadFull(conn, payload); err != nil || head[0] != vscAPDU {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.say(vscAPDU, s.card.Respond(payload))
}

// serveHand does what it is told, a line at a time.
func (s *slotServer) serveHand(l net.Listener) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		s.mu.Lock()
		var err error
		switch strings.TrimSpace(lines.Text()) {
		case "put":
			err = s.say(vscATR, s.card.Reset())
		case "take":
			err = s.say(vscRemove, nil)
		default:
			err = errors.New("what?") // an echo
		}
		s.mu.Unlock()
		if err == nil {
			fmt.Fprintln(conn, "done")
		}
	}
}
