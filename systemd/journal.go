package systemd

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/journal"
)

// Logger returns a logger that writes to the journal with one field per attribute when systemd
// connected our error stream to it, and plain text to fallback otherwise.
func Logger(fallback io.Writer) *slog.Logger {
	connected, err := journal.StderrIsJournalStream()
	if err != nil || !connected {
		return slog.New(slog.NewTextHandler(fallback, nil))
	}
	return slog.New(&handler{send: journal.Send})
}

// handler sends records to the journal. Attribute names become field names: upper case, letters,
// digits and underscores, not starting with an underscore (systemd.journal-fields(7)).
type handler struct {
	send   func(message string, priority journal.Priority, fields map[string]string) error
	prefix string
	attrs  []field
}

type field struct{ name, value string }

// Enabled implements slog.Handler: the journal filters.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle implements slog.Handler.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	fields := make(map[string]string, len(h.attrs)+r.NumAttrs())
	for _, f := range h.attrs {
		fields[f.name] = f.value
	}
	r.Attrs(func(a slog.Attr) bool {
		for _, f := range flatten(h.prefix, a) {
			fields[f.name] = f.value
		}
		return true
	})
	return h.send(r.Message, priority(r.Level), fields)
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.attrs = slices.Clone(h.attrs)
	for _, a := range attrs {
		next.attrs = append(next.attrs, flatten(h.prefix, a)...)
	}
	return &next
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	next := *h
	if name != "" {
		next.prefix = h.prefix + name + "_"
	}
	return &next
}

func flatten(prefix string, a slog.Attr) []field {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "_"
		}
		var fields []field
		for _, inner := range value.Group() {
			fields = append(fields, flatten(prefix, inner)...)
		}
		return fields
	}
	if a.Equal(slog.Attr{}) {
		return nil
	}
	return []field{{fieldName(prefix + a.Key), value.String()}}
}

func fieldName(key string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
			return r
		}
		return '_'
	}, key)
	// Fields that start with an underscore are the journal's own.
	name = strings.TrimLeft(name, "_0123456789")
	if name == "" || name == "MESSAGE" || name == "PRIORITY" {
		return "DESK_" + name
	}
	return name
}

func priority(level slog.Level) journal.Priority {
	switch {
	case level >= slog.LevelError:
		return journal.PriErr
	case level >= slog.LevelWarn:
		return journal.PriWarning
	case level >= slog.LevelInfo:
		return journal.PriInfo
	}
	return journal.PriDebug
}
