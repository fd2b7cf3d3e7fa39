package kiosktest

import (
	"bufio"
	"context"
	"net/http"
	"strings"
)

// Event is one server-sent event.
type Event struct{ ID, Name, Data string }

// Listen opens a live stream with the browser's cookies. The channel is closed when the stream
// ends, which cancelling ctx makes it do. Comments come as events without a name.
func (b *Browser) Listen(ctx context.Context, path string) <-chan Event {
	b.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.Address(path), nil)
	if err != nil {
		b.t.Fatalf("listen %s: %v", path, err)
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatalf("listen %s: %v", path, err)
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		b.t.Fatalf("listen %s: %s", path, resp.Status)
	}
	if b.Inspect != nil {
		b.Inspect(resp, nil)
	}
	events := make(chan Event)
	go func() {
		defer close(events)
		defer resp.Body.Close()
		read(ctx, bufio.NewReader(resp.Body), events)
	}()
	return events
}

func read(ctx context.Context, r *bufio.Reader, events chan<- Event) {
	var e Event
	var data []string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "\n":
			e.Data = strings.Join(data, "\n")
			select {
			case events <- e:
			case <-ctx.Done():
				return
			}
			e, data = Event{}, nil
		case name == "id":
			e.ID = value
		case name == "event":
			e.Name = value
		case name == "data":
			data = append(data, value)
		}
	}
}
