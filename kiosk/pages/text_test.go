package pages

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHoursLine(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"mon-thu 09:00-13:00, 14:00-17:45", "Mon–Thu 09:00–13:00, 14:00–17:45"},
		{"fri 09:00-13:00", "Fri 09:00–13:00"},
		{"exam weeks: ask", "exam weeks: ask"},
		{"", ""},
	} {
		if got := hoursLine(context.Background(), c.line); got != c.want {
			t.Errorf("hoursLine(%q) = %q, want %q", c.line, got, c.want)
		}
	}
}

func TestGroups(t *testing.T) {
	for _, c := range []struct {
		serial string
		want   []string
	}{
		{"23180447", []string{"2318", "0447"}},
		{"2318 0447", []string{"2318", "0447"}},
		{"1234567", []string{"1234", "567"}},
		{"12", []string{"12"}},
		{"P-7K2Q", []string{"P-7K2Q"}},
		{"A0B1C2", []string{"A0B1C2"}},
	} {
		if diff := cmp.Diff(c.want, groups(c.serial)); diff != "" {
			t.Errorf("groups(%q) (-want +got):\n%s", c.serial, diff)
		}
	}
	if got, want := spelled("2318 0447"), "2 3 1 8 0 4 4 7"; got != want {
		t.Errorf("spelled: %q, want %q", got, want)
	}
}

func TestJoined(t *testing.T) {
	for _, c := range []struct {
		items []string
		want  string
	}{
		{nil, ""},
		{[]string{"FIDO2"}, "FIDO2"},
		{[]string{"FIDO2", "PIV"}, "FIDO2 and PIV"},
		{[]string{"FIDO2", "PIV", "OpenPGP"}, "FIDO2, PIV and OpenPGP"},
	} {
		if got := joined(context.Background(), c.items); got != c.want {
			t.Errorf("joined(%v) = %q, want %q", c.items, got, c.want)
		}
	}
}
