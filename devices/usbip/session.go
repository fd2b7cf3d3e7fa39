package usbip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// session is the transfer phase of one connection: one kernel, one device.
type session struct {
	device Device
	conn   net.Conn
	// queues belong to the goroutine that reads.
	queues  map[endpoint]chan func()
	running sync.WaitGroup

	// mu covers the decision who answers a transfer together with the writing of that answer. A
	// kernel drops the connection when RET_SUBMIT comes after the RET_UNLINK of the same transfer.
	mu      sync.Mutex
	pending map[uint32]context.CancelFunc
}

// endpoint is a number and a direction; endpoint 0 has one queue for both.
type endpoint struct {
	number    uint8
	direction uint32
}

// queueLength bounds the transfers a kernel may have waiting on one endpoint. usbhid has one,
// libusb a few.
const queueLength = 64

// ServeConn answers a kernel's transfers for one device until either side closes, ctx ends or the
// device is gone. It closes conn, and returns nil where a plug was pulled on either side.
func ServeConn(ctx context.Context, conn net.Conn, device Device) error {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	s := &session{
		device: device, conn: conn,
		queues: map[endpoint]chan func(){}, pending: map[uint32]context.CancelFunc{},
	}
	if removable, ok := device.(Removable); ok {
		s.running.Go(func() {
			select {
			case <-removable.Gone():
				cancel(errGone)
			case <-ctx.Done():
			}
		})
	}
	cancel(s.read(ctx, cancel))
	conn.Close()
	for _, queue := range s.queues {
		close(queue)
	}
	s.running.Wait()
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errGone), errors.Is(cause, io.EOF), errors.Is(cause, net.ErrClosed):
		return nil
	default:
		return cause
	}
}

// read takes requests off the connection and hands each to its endpoint's queue.
func (s *session) read(ctx context.Context, fail context.CancelCauseFunc) error {
	for {
		request, data, err := readCommand(s.conn)
		if err != nil {
			return fmt.Errorf("usbip session: %w", err)
		}
		if request.Command == cmdUnlink {
			err = s.unlink(request)
		} else {
			err = s.submit(ctx, request, data, fail)
		}
		if err != nil {
			return err
		}
	}
}

// submit queues a transfer. Each endpoint answers in the order it was asked, and none waits for
// another.
func (s *session) submit(
	ctx context.Context, request command, data []byte, fail context.CancelCauseFunc,
) error {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	s.pending[request.Seq] = cancel
	s.mu.Unlock()
	select {
	case s.queue(request) <- func() {
		defer cancel()
		if err := s.transfer(ctx, request, data); err != nil {
			fail(err)
		}
	}:
		return nil
	default:
		cancel()
		return errQueue
	}
}

// queue is where the requests of an endpoint wait; each has its own worker.
func (s *session) queue(request command) chan func() {
	key := endpoint{number: uint8(request.Endpoint), direction: request.Direction}
	if key.number == 0 {
		key.direction = dirOut
	}
	queue, ok := s.queues[key]
	if !ok {
		queue = make(chan func(), queueLength)
		s.queues[key] = queue
		s.running.Go(func() {
			for job := range queue {
				job()
			}
		})
	}
	return queue
}

// transfer runs one request on the device and answers it. One that was unlinked while it waited
// never reaches the device.
func (s *session) transfer(ctx context.Context, request command, data []byte) error {
	if ctx.Err() != nil {
		return nil
	}
	answer, err := s.perform(ctx, request, data)
	switch {
	case err == nil, errors.Is(err, ErrStall):
		return s.answer(request, data, answer, err)
	case ctx.Err() != nil:
		return nil // unlinked, or the session is over
	default:
		return errGone
	}
}

// perform runs one transfer on the device.
func (s *session) perform(ctx context.Context, request command, data []byte) ([]byte, error) {
	body := decode[submit](request.Body)
	number := uint8(request.Endpoint)
	switch {
	case number == 0:
		return s.device.Control(ctx, parseSetup(body.Setup), data)
	case request.Direction == dirIn:
		return s.device.In(ctx, number, int(body.Length))
	default:
		return nil, s.device.Out(ctx, number, data)
	}
}

// answer sends RET_SUBMIT, unless the request was unlinked meanwhile: then RET_UNLINK was the
// answer.
func (s *session) answer(request command, sent, got []byte, err error) error {
	var result submitted
	switch {
	case err != nil:
		got, result.Status = nil, statusStall
	case request.Direction == dirIn:
		if asked := int(decode[submit](request.Body).Length); len(got) > asked {
			got, result.Status = got[:asked], statusOverflow
		}
		result.Length = int32(len(got))
	default:
		got, result.Length = nil, int32(len(sent))
	}
	reply := command{Command: retSubmit, Seq: request.Seq, Body: body(result)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, waiting := s.pending[request.Seq]; !waiting {
		return nil
	}
	delete(s.pending, request.Seq)
	return writeCommand(s.conn, reply, got)
}

// unlink cancels a transfer. A victim that is no longer pending was answered before, which status
// 0 says.
func (s *session) unlink(request command) error {
	victim := decode[unlink](request.Body).Value
	s.mu.Lock()
	defer s.mu.Unlock()
	status := statusOK
	if cancel, waiting := s.pending[victim]; waiting {
		delete(s.pending, victim)
		cancel()
		status = statusUnlinked
	}
	reply := command{
		Command: retUnlink, Seq: request.Seq,
		Body: body(unlink{Value: uint32(status)}),
	}
	return writeCommand(s.conn, reply, nil)
}
