package kiosk

import (
	"slices"
	"sync"
)

// maxStreams bounds the streams of one screen: a browser opens no more than six connections to one
// origin, so a forgotten stream must not starve the forms. maxAllStreams bounds those of all.
const (
	maxStreams    = 4
	maxAllStreams = 64
)

// streams ends a screen's oldest stream when it opens one too many. When all are too many, room is made
// at the address that has most, and never at the screen the counter is in the hands of.
type streams struct {
	mu sync.Mutex
	// open has the oldest first.
	open []*live
}

// live is one stream that is open.
type live struct {
	// id is its screen's, from the address it came from.
	id, from string
	// ended is closed when it must make room.
	ended chan struct{}
}

func newStreams() *streams { return &streams{} }

// join counts a stream in; leave counts it out.
func (s *streams) join(id, from string, who hands) *live {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine := &live{id: id, from: from, ended: make(chan struct{})}
	s.open = append(s.open, mine)
	held, at := 0, map[string]int{}
	for _, l := range s.open {
		at[l.from]++
		if l.id == id {
			held++
		}
	}
	if held > maxStreams {
		s.end(func(l *live) bool { return l.id == id })
	} else if len(s.open) > maxAllStreams {
		most := 0
		for _, l := range s.open {
			if !who.hold(l.id) {
				most = max(most, at[l.from])
			}
		}
		s.end(func(l *live) bool { return !who.hold(l.id) && at[l.from] == most })
	}
	return mine
}

// end ends the oldest of these; the caller holds mu.
func (s *streams) end(these func(*live) bool) {
	if i := slices.IndexFunc(s.open, these); i >= 0 {
		close(s.open[i].ended)
		s.open = slices.Delete(s.open, i, i+1)
	}
}

func (s *streams) leave(mine *live) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = slices.DeleteFunc(s.open, func(l *live) bool { return l == mine })
}
