package printer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Patience with a receipt printer.
const (
	connectTime = 3 * time.Second
	answerTime  = 1500 * time.Millisecond
	bandTime    = 8 * time.Second
	// finishTime bounds the printing itself: a slip of 15 cm takes 2 s.
	finishTime = 15 * time.Second
)

// link is a connection to a printer: a TCP connection or a character device.
type link interface {
	io.ReadWriteCloser
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// receipt is a printer that speaks ESC/POS.
type receipt struct {
	// one slip at a time: two connections would mix their bands.
	mu    sync.Mutex
	dial  func(context.Context) (link, error)
	fonts fonts
	width int
	scale int
}

var _ Printer = (*receipt)(nil)

func dialDevice(path string) func(context.Context) (link, error) {
	return func(context.Context) (link, error) {
		return os.OpenFile(path, os.O_RDWR, 0)
	}
}

func dialTCP(address string) func(context.Context) (link, error) {
	return func(ctx context.Context) (link, error) {
		return (&net.Dialer{Timeout: connectTime}).DialContext(ctx, "tcp", address)
	}
}

// open connects. When ctx ends, whatever waits ends.
func (r *receipt) open(ctx context.Context) (*talk, error) {
	l, err := r.dial(ctx)
	if err != nil {
		return nil, errors.Join(ErrOffline, err)
	}
	t := &talk{link: l}
	t.stop = context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.over = true
		_ = l.SetReadDeadline(time.Unix(1, 0))
		_ = l.SetWriteDeadline(time.Unix(1, 0))
	})
	return t, nil
}

// Status implements Printer.
func (r *receipt) Status(ctx context.Context) (Status, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, err := r.open(ctx)
	if err != nil {
		return Status{}, err
	}
	defer t.close()
	return t.status()
}

// Print implements Printer.
func (r *receipt) Print(ctx context.Context, s Slip) error {
	picture, err := r.fonts.paint(s, r.width, r.scale)
	if err != nil {
		return &Fault{err, OutNothing}
	}
	all := bands(picture)
	clear(picture.Pix)
	defer func() {
		for _, b := range all {
			clear(b)
		}
	}()
	r.mu.Lock()
	defer r.mu.Unlock()
	t, err := r.open(ctx)
	if err != nil {
		return &Fault{err, OutNothing}
	}
	defer t.close()
	return t.print(all)
}

// talk is one conversation with a printer.
type talk struct {
	link
	stop func() bool
	mu   sync.Mutex
	over bool
	// finished: an answer to GS r came, perhaps while something else was awaited.
	finished bool
}

func (t *talk) close() {
	t.stop()
	_ = t.link.Close()
}

// within sets a deadline, unless the conversation is over.
func (t *talk) within(set func(time.Time) error, d time.Duration) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return context.Canceled
	}
	return set(time.Now().Add(d))
}

func (t *talk) send(b []byte, d time.Duration) error {
	if err := t.within(t.SetWriteDeadline, d); err != nil {
		return err
	}
	_, err := t.Write(b)
	return err
}

// await reads until a byte that is wanted comes; others are answers nobody waits for any more.
func (t *talk) await(wanted func(byte) bool, d time.Duration) (byte, error) {
	if err := t.within(t.SetReadDeadline, d); err != nil {
		return 0, err
	}
	var one [1]byte
	for {
		if _, err := io.ReadFull(t.link, one[:]); err != nil {
			return 0, err
		}
		t.finished = t.finished || done(one[0])
		if wanted(one[0]) {
			return one[0], nil
		}
	}
}

// status asks by DLE EOT, which a printer answers at once, even out of paper.
func (t *talk) status() (Status, error) {
	s := Status{Paper: true, Cover: true, Ready: true}
	for _, question := range questions {
		if err := t.send([]byte{dle, eot, question}, answerTime); err != nil {
			return Status{}, errors.Join(ErrOffline, err)
		}
		answer, err := t.await(answered, answerTime)
		if err != nil {
			return Status{}, errors.Join(ErrOffline, err)
		}
		s.add(question, answer)
	}
	return s, nil
}

// healthy is the status as an error.
func (t *talk) healthy() error {
	s, err := t.status()
	if err != nil {
		return err
	}
	return s.Err()
}

// print sends the bands with a look at the printer before each, so that little is waiting in it
// when the paper ends.
func (t *talk) print(all [][]byte) error {
	if err := t.healthy(); err != nil {
		return &Fault{err, OutNothing}
	}
	if err := t.send(begin, bandTime); err != nil {
		return t.takeBack(errors.Join(ErrOffline, err))
	}
	for _, b := range all {
		if err := t.healthy(); err != nil {
			return t.takeBack(err)
		}
		if err := t.send(b, bandTime); err != nil {
			return t.takeBack(errors.Join(ErrOffline, err))
		}
	}
	t.finished = false
	if err := t.send(append(bytes.Clone(end), askDone...), bandTime); err != nil {
		return t.takeBack(errors.Join(ErrOffline, err))
	}
	return t.finish()
}

// finish waits until everything was carried out, and looks why where that takes long.
func (t *talk) finish() error {
	for until := time.Now().Add(finishTime); time.Now().Before(until); {
		if _, err := t.await(done, answerTime); err == nil {
			return nil
		}
		err := t.healthy()
		if t.finished {
			return nil
		}
		if err != nil {
			return t.takeBack(err)
		}
	}
	return t.takeBack(ErrUnknownOutcome)
}

// takeBack makes the printer forget what it has not printed, even where nobody waits any more. Only
// a printer that says so has; else the rest comes out when somebody puts paper in.
func (t *talk) takeBack(why error) error {
	t.stop()
	t.mu.Lock()
	t.over = false
	t.mu.Unlock()
	if err := t.send(clearBuffer, answerTime); err != nil {
		return &Fault{why, OutUnknown}
	}
	for _, b := range cleared {
		if _, err := t.await(func(got byte) bool { return got == b }, answerTime); err != nil {
			return &Fault{why, OutUnknown}
		}
	}
	return &Fault{why, OutPart}
}
