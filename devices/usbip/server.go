package usbip

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

// Exports says what a server offers at this moment, by bus id such as "1-1".
type Exports func() map[string]Device

// Status of a reply in the listing phase.
const (
	replyOK   = 0
	replyNone = 1
)

// requestTime is how long a peer may take over its first request.
const requestTime = 10 * time.Second

// server is the listing phase: who is here, and who is taken.
type server struct {
	exports Exports

	mu    sync.Mutex
	taken map[string]bool
}

// Serve answers the usbip tool and kernels on a listener until ctx ends; then it closes the
// listener and every connection and returns nil. USB/IP knows no authentication: listen where only
// those can connect who may hold the devices.
func Serve(ctx context.Context, l net.Listener, exports Exports) error {
	s := &server{exports: exports, taken: map[string]bool{}}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var running sync.WaitGroup
	defer running.Wait()
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept usbip connection: %w", err)
		}
		// A peer that speaks nonsense is cut off; that is all there is to say about it.
		running.Go(func() { _ = s.serve(ctx, conn) })
	}
}

// serve answers one connection: a list, or an import and the transfers after it.
func (s *server) serve(ctx context.Context, conn net.Conn) error {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := conn.SetReadDeadline(time.Now().Add(requestTime)); err != nil {
		return err
	}
	op, err := readOp(conn)
	if err != nil {
		return err
	}
	switch op.Code {
	case opReqDevlist:
		return s.list(ctx, conn)
	case opReqImport:
		return s.lend(ctx, conn)
	default:
		return errCommand
	}
}

// list answers OP_REQ_DEVLIST.
func (s *server) list(ctx context.Context, conn net.Conn) error {
	offered := s.exports()
	var reply bytes.Buffer
	encode(&reply, opHeader{Version: version, Code: opRepDevlist}, uint32(len(offered)))
	for i, id := range slices.Sorted(maps.Keys(offered)) {
		head, interfaces, err := describe(ctx, offered[id], id, i+1)
		if err != nil {
			return err
		}
		encode(&reply, head)
		for _, class := range interfaces {
			encode(&reply, class, uint8(0))
		}
	}
	_, err := conn.Write(reply.Bytes())
	return err
}

// lend answers OP_REQ_IMPORT and then serves the device to whoever asked. A device has one
// importer.
func (s *server) lend(ctx context.Context, conn net.Conn) error {
	var field [busIDSize]byte
	if _, err := io.ReadFull(conn, field[:]); err != nil {
		return fmt.Errorf("read usbip bus id: %w", err)
	}
	id, err := readString(field[:])
	if err != nil {
		return err
	}
	device, ok := s.exports()[id]
	if !ok || !s.take(id) {
		var reply bytes.Buffer
		encode(&reply, opHeader{Version: version, Code: opRepImport, Status: replyNone})
		_, err := conn.Write(reply.Bytes())
		return err
	}
	defer s.giveBack(id)
	head, _, err := describe(ctx, device, id, 1)
	if err != nil {
		return err
	}
	var reply bytes.Buffer
	encode(&reply, opHeader{Version: version, Code: opRepImport, Status: replyOK}, head)
	if _, err := conn.Write(reply.Bytes()); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	return ServeConn(ctx, conn, device)
}

func (s *server) take(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[id] {
		return false
	}
	s.taken[id] = true
	return true
}

func (s *server) giveBack(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.taken, id)
}

// encode appends fixed-size values.
func encode(w *bytes.Buffer, values ...any) {
	for _, v := range values {
		if err := binary.Write(w, binary.BigEndian, v); err != nil {
			panic("usbip: value without a fixed size") // a programmer's mistake
		}
	}
}

// describe asks a device who it is, as a host would: its head and the class triple of each
// interface.
func describe(ctx context.Context, d Device, id string, number int) (deviceHead, [][3]byte, error) {
	raw := d.Descriptor()
	if len(raw) != 18 { // USB 2.0 section 9.6.1
		return deviceHead{}, nil, errors.New("usbip: device descriptor is not 18 bytes")
	}
	head := deviceHead{
		BusNum: 1, DevNum: uint32(number), Speed: uint32(d.Speed()),
		Vendor:  binary.LittleEndian.Uint16(raw[8:]),
		Product: binary.LittleEndian.Uint16(raw[10:]),
		Release: binary.LittleEndian.Uint16(raw[12:]),
		Class:   raw[4], SubClass: raw[5], Protocol: raw[6], NumConfigs: raw[17],
	}
	copy(head.BusID[:busIDSize-1], id)
	copy(head.Path[:pathSize-1], "/sys/devices/usbip/"+id)
	// GET_DESCRIPTOR of the first configuration (USB 2.0 section 9.4.3).
	configuration, err := d.Control(ctx, Setup{
		RequestType: 0x80, Request: 6, Value: 2 << 8, Length: 4096,
	}, nil)
	if err != nil {
		return deviceHead{}, nil, fmt.Errorf("read configuration descriptor: %w", err)
	}
	value, interfaces := parseConfiguration(configuration)
	head.Configuration, head.NumInterfaces = value, uint8(len(interfaces))
	return head, interfaces, nil
}

// parseConfiguration finds the configuration's value and the class triple of each interface's
// first alternate setting (USB 2.0 sections 9.6.3 and 9.6.5). What is malformed ends the walk.
func parseConfiguration(b []byte) (value uint8, interfaces [][3]byte) {
	const typeConfiguration, typeInterface = 2, 4
	for len(b) >= 2 && int(b[0]) >= 2 && int(b[0]) <= len(b) {
		d := b[:b[0]]
		switch {
		case d[1] == typeConfiguration && len(d) >= 9:
			value = d[5]
		case d[1] == typeInterface && len(d) >= 9 && d[3] == 0 && len(interfaces) < 32:
			interfaces = append(interfaces, [3]byte(d[5:8]))
		}
		b = b[len(d):]
	}
	return value, interfaces
}
