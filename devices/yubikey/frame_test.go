package yubikey

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

func TestCRC16(t *testing.T) {
	for _, c := range []struct {
		data string
		want uint16
	}{
		{"123456789", 0x6f91}, {strings.Repeat("\x00", 64), 0x5b6b}, {"", 0xffff},
		{"\x00\xbc\x61\x4e\xc8\x04", crcResidual},
	} {
		if got := crc16([]byte(c.data)); got != c.want {
			t.Errorf("crc16(%x) = %04x, want %04x", c.data, got, c.want)
		}
	}
}

// The reports of a configuration of slot 1 with 6 digits, no codes, extended flags 04: the vector
// the others differ from.
var vectorA = []string{
	"0000000000000080", "0000373839300082", "0031323334353683", "3738393031323384",
	"3435360000000085", "0000000460000086", "00f8120000000087", "0001955600000089",
}

// differ replaces, in a copy of vectorA, the reports with the same number, or adds them in place.
func differ(reports ...string) []string {
	var all []string
	for n := range lastPart + 1 {
		suffix := hex.EncodeToString([]byte{flagWrite | byte(n)})
		for _, list := range [][]string{reports, vectorA} {
			i := indexSuffix(list, suffix)
			if i >= 0 {
				all = append(all, list[i])
				break
			}
		}
	}
	return all
}

func indexSuffix(list []string, suffix string) int {
	for i, s := range list {
		if strings.HasSuffix(s, suffix) {
			return i
		}
	}
	return -1
}

func reportsOf(f *frame) []string {
	var all []string
	var report [reportSize]byte
	for n := range lastPart + 1 {
		if f.part(n, &report) {
			all = append(all, hex.EncodeToString(report[:]))
		}
	}
	return all
}

func TestFrameVectors(t *testing.T) {
	code := accessCode(t, 1, 2, 3, 4, 5, 6)
	seed := rfcSeed()
	hotp := func(fw firmware, slot, digits int, current, next secret.AccessCode) *frame {
		c := provisioning.SlotConfig{Slot: slot, Seed: seed, Digits: digits, Enter: true,
			Current: current, New: next}
		return newFrame([]command{cmdConfig1, cmdConfig2}[slot-1], hotpPayload(c, fw)[:])
	}
	var none secret.AccessCode
	zero := "0000000000000080"
	for name, c := range map[string]struct {
		frame *frame
		want  []string
	}{
		"A slot 1, 6 digits, firmware without update": {hotp(0x020200, 1, 6, none, none), vectorA},
		"H1 slot 2, new code": {hotp(0x050403, 2, 6, none, code), differ("3435360102030485",
			"0506002460000086", "003ed80000000087", "0003955600000089")},
		"H2 slot 2, current and new code": {hotp(0x050403, 2, 6, code, code),
			differ("3435360102030485", "0506002460000086", "003ed80102030487",
				"0506000000000088", "0003c2fc00000089")},
		"D erase slot 2": {newFrame(cmdConfig2, erasePayload(none)[:]),
			[]string{zero, "00036b5b00000089"}},
		"D erase slot 1": {newFrame(cmdConfig1, erasePayload(none)[:]),
			[]string{zero, "00016b5b00000089"}},
		"E serial":      {newFrame(cmdSerial, nil), []string{zero, "00106b5b00000089"}},
		"F device info": {newFrame(cmdInfo, nil), []string{zero, "00136b5b00000089"}},
	} {
		if diff := cmp.Diff(c.want, reportsOf(c.frame)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// The vectors with flags or a counter this driver never sets are met from their bytes on.
func TestFrameVectorsOfOthers(t *testing.T) {
	base := hotpPayload(provisioning.SlotConfig{Seed: rfcSeed(), Digits: 6, Enter: true}, 0x020200)
	for name, c := range map[string]struct {
		cmd    command
		change map[int]byte
		want   []string
	}{
		"B ykman's defaults": {cmdConfig1, map[int]byte{atExt: 0x34},
			differ("0000003460000086", "0029c60000000087")},
		"C slot 2, 8 digits, counter 4096": {cmdConfig2,
			map[int]byte{atExt: 0x24, atConfig: configHOTP8, atUID + 4: 1, atUID + 5: 0},
			differ("0000373839300182", "0000002460020086", "0022e70000000087", "0003955600000089")},
		"G token id": {cmdConfig1, map[int]byte{0: 0xe1, 1: 0x63, 3: 0x12, 4: 0x34, 5: 0x56,
			44: 6, atExt: 0x34, atConfig: 0x40},
			differ("e163001234560080", "0000063460400086", "004b0e0000000087")},
	} {
		p := *base
		for at, b := range c.change {
			p[at] = b
		}
		p.finishCRC()
		if diff := cmp.Diff(c.want, reportsOf(newFrame(c.cmd, p[:]))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// FuzzFrame holds the law of the transport: from the parts that were sent, zeros for the others,
// the same 70 bytes come out.
func FuzzFrame(f *testing.F) {
	f.Add([]byte("12345678901234567890"), byte(1))
	f.Add([]byte{}, byte(0x13))
	f.Fuzz(func(t *testing.T, data []byte, cmd byte) {
		want := newFrame(command(cmd), data[:min(len(data), payloadSize)])
		var got frame
		var report [reportSize]byte
		for n := range lastPart + 1 {
			needed := want.part(n, &report)
			if !needed && n != 0 && n != lastPart {
				continue
			}
			copy(got[int(report[partSize]&maskNumber)*partSize:], report[:partSize])
		}
		if !bytes.Equal(got[:], want[:]) {
			t.Errorf("parts of %x make %x", want[:], got[:])
		}
	})
}
