package ccid_test

import (
	"context"
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/ccid"
	"github.com/tokendesk/tokendesk/devices/virtual"
)

// liar is a reader that answers as a script says: each byte is one lie, and the last one is told for
// ever.
type liar struct {
	desc, script, sent []byte
}

var _ devices.CCID = (*liar)(nil)

func (l *liar) Descriptor() []byte { return l.desc }

func (l *liar) Send(_ context.Context, m []byte) error {
	l.sent = append([]byte(nil), m...)
	return nil
}

// The lies.
const (
	truth = iota
	moreTime
	moreTimeAtOnce
	never
	otherSeq
	otherSlot
	cut
	lengthTooLarge
	lengthHuge
	otherKind
	failure
	badStatus
	whole
	gone
	lies
)

func (l *liar) Receive(ctx context.Context, buf []byte) (int, error) {
	lie, arg := l.next(), byte(0)
	m := make([]byte, 10, 64)
	m[0] = map[byte]byte{0x62: 0x80, 0x6F: 0x80, 0x61: 0x82, 0x63: 0x81, 0x65: 0x81}[l.sent[0]]
	m[5], m[6] = l.sent[5], l.sent[6]
	switch lie % lies {
	case truth:
		m = append(m, 0x3B, 0x80, arg, 0x90, 0x00)
		m[1] = 5
	case moreTime:
		m[7], m[8] = 0x80, 255
		select {
		case <-ctx.Done():
			return 0, devices.ErrTimeout
		case <-time.After(2900 * time.Millisecond):
		}
	case moreTimeAtOnce:
		m[7] = 0x80
	case never:
		<-ctx.Done()
		return 0, devices.ErrTimeout
	case otherSeq:
		m[6]++
	case otherSlot:
		m[5]++
	case cut:
		m = m[:int(lie/lies)%10]
	case lengthTooLarge:
		m[1] = lie
	case lengthHuge:
		binary.LittleEndian.PutUint32(m[1:], 1<<31+uint32(lie))
	case otherKind:
		m[0] = lie
	case failure:
		m[7], m[8] = 0x40|lie&3, lie
	case badStatus:
		m[7] = lie
	case whole:
		n := min(len(buf)-10, 200+int(lie))
		m = append(m, make([]byte, n)...)
		binary.LittleEndian.PutUint32(m[1:], uint32(n))
	case gone:
		return 0, devices.ErrUnplugged
	}
	return copy(buf, m), nil
}

func (l *liar) next() byte {
	lie := l.script[0]
	if len(l.script) > 1 {
		l.script = l.script[1:]
	}
	return lie
}

func (l *liar) Event(_ context.Context, buf []byte) (int, error) {
	return copy(buf, []byte{0x50, l.next(), l.next()}), nil
}

func (l *liar) Close() error { return nil }

// FuzzLyingReader: whatever a reader answers, and however often it asks for more time, no exchange
// takes longer than its deadline, and what comes of it is an error or an answer with a status.
func FuzzLyingReader(f *testing.F) {
	for lie := range byte(lies) {
		f.Add([]byte{lie}, true)
		f.Add([]byte{truth, lie}, false)
		f.Add([]byte{truth, truth, lie}, true)
		f.Add([]byte{lie, moreTime}, false)
	}
	f.Fuzz(func(t *testing.T, script []byte, tpdu bool) {
		if len(script) == 0 || len(script) > 64 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			o := virtual.CardReaderOptions{}
			if tpdu {
				o.Features = virtual.FeaturesTPDU
			}
			reader := virtual.NewCardReader(o)
			bus := virtual.NewCardReaders(reader)
			infos, err := bus.ListReaders(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			honest, err := bus.OpenReader(t.Context(), infos[0])
			if err != nil {
				t.Fatal(err)
			}
			defer honest.Close()
			slot, err := ccid.NewSlot(&liar{desc: honest.Descriptor(), script: script}, 0)
			if err != nil {
				t.Fatal(err)
			}
			within := func(what string, bound time.Duration, act func()) {
				began := time.Now()
				if act(); time.Since(began) > bound {
					t.Errorf("%s took %v", what, time.Since(began))
				}
			}
			within("looking", 25*time.Second, func() { _, _, _ = slot.Present(t.Context()) })
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			within("all of a card", 8*time.Second, func() {
				card, err := slot.PowerOn(ctx)
				if err != nil {
					return
				}
				answer, err := card.Transmit(ctx, []byte{0xFF, 0xCA, 0, 0, 0})
				if err == nil && (len(answer) < 2 || len(answer) > 1<<17) {
					t.Errorf("an answer of %d bytes", len(answer))
				}
				_ = card.Close()
			})
		})
	})
}
