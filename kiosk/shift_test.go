package kiosk

import (
	"slices"
	"testing"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// TestShiftCountsTasks: what is open is counted and leads to its list; what was seen to is not.
func TestShiftCountsTasks(t *testing.T) {
	for _, c := range []struct {
		rows []provisioning.Row
		want pages.Total
	}{
		{nil, pages.Total{Key: "tasks", Path: pages.PathTasks}},
		{[]provisioning.Row{provisioning.Task{ID: "a"}, provisioning.Task{ID: "b", Done: moment},
			provisioning.Task{ID: "c"}},
			pages.Total{Key: "tasks", N: 2, Path: pages.PathTasks, Tone: pages.Warn}},
	} {
		if all := totals(sceneryWith(c.rows...)); !slices.Contains(all, c.want) {
			t.Errorf("%+v is not among %+v", c.want, all)
		}
	}
}
