package printer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/OpenPrinting/goipp"
)

// job is a slip that a printer has taken.
type job struct {
	*ippPrinter
	number int
	// before is how the printer was when the job was sent.
	before about
}

// follow waits for the end of a job, and takes it back when there is none.
func (j job) follow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, j.patience.job)
	defer cancel()
	for began := time.Now(); ; {
		state, err := j.state(ctx)
		switch {
		case err == nil && state == jobCompleted:
			return nil
		case err == nil && state.over():
			return &Fault{j.why(ctx), OutPart}
		case err == nil:
			err = j.halted(ctx, time.Since(began) > j.tray)
		}
		if err != nil {
			return j.takeBack(ctx, err)
		}
		select {
		case <-ctx.Done():
			return j.takeBack(ctx, errors.Join(ErrUnknownOutcome, ctx.Err()))
		case <-time.After(pollEvery):
		}
	}
}

// halted is why a job waits that was taken, if it waits for a person.
func (j job) halted(ctx context.Context, long bool) error {
	about, err := j.about(ctx)
	if err != nil {
		return err
	}
	return about.halts(j.before, long)
}

// why is the reason for a job that the printer ended.
func (j job) why(ctx context.Context) error {
	if err := j.halted(ctx, true); err != nil {
		return err
	}
	return fmt.Errorf("%w: it ended the job", errOther)
}

// takeBack cancels a job and looks whether it is canceled, even when nobody waits any more: else it
// would come out when somebody puts paper in.
func (j job) takeBack(ctx context.Context, why error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), j.cancel)
	defer cancel()
	_, refused := j.ask(ctx, j.request(goipp.OpCancelJob), nil)
	for {
		state, err := j.state(ctx)
		switch {
		case err == nil && state == jobCompleted:
			return nil // it was faster
		case err == nil && state.over():
			return &Fault{why, j.canceled()}
		case err != nil, refused != nil:
			return &Fault{why, OutUnknown}
		}
		select {
		case <-ctx.Done():
			return &Fault{why, OutUnknown}
		case <-time.After(pollEvery):
		}
	}
}

// canceled is what a canceled job leaves: CUPS knows that it stopped sending, and not what the
// printer does with what it has.
func (j job) canceled() Out {
	if j.before.queue {
		return OutUnknown
	}
	return OutPart
}

func (j job) request(op goipp.Op) *goipp.Message {
	m := j.ippPrinter.request(op)
	m.Operation.Add(goipp.MakeAttribute("job-id", goipp.TagInteger, goipp.Integer(j.number)))
	return m
}

func (j job) state(ctx context.Context) (jobState, error) {
	m := j.request(goipp.OpGetJobAttributes)
	m.Operation.Add(goipp.MakeAttribute("requested-attributes", goipp.TagKeyword,
		goipp.String("job-state")))
	answer, err := j.ask(ctx, m, nil)
	if err != nil {
		return 0, err
	}
	return stateFrom(answer.Job), nil
}

// stateFrom reads a job's state; 0 is none.
func stateFrom(attributes goipp.Attributes) jobState {
	for _, a := range attributes {
		if state, ok := number(a); ok && a.Name == "job-state" {
			return jobState(state)
		}
	}
	return 0
}
