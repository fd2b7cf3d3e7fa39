package kiosk

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// TestReadySaysWhatEnds: in every language the ready screen names each certificate that ends, and
// of one that has ended what does not work any more.
func TestReadySaysWhatEnds(t *testing.T) {
	all := []provisioning.EndingOf{provisioning.EndingFeed, provisioning.EndingVerifier,
		provisioning.EndingDirectory, provisioning.EndingMail, provisioning.EndingSMS,
		provisioning.EndingMailbox, provisioning.EndingSelf}
	for _, lang := range pages.Langs() {
		for _, what := range all {
			for _, over := range []bool{false, true} {
				sc := sceneryWith()
				sc.frame.Lang = lang
				sc.health.Endings = []provisioning.Ending{{What: what, Ends: moment, Over: over}}
				v := readyView(sc)
				want := []pages.EndingView{{What: string(what), Date: sc.date(moment), Over: over}}
				if diff := cmp.Diff(want, v.Endings); diff != "" {
					t.Fatal(diff)
				}
				var page bytes.Buffer
				ctx := pages.WithLang(t.Context(), lang)
				if err := pages.ReadyLive(v).Render(ctx, &page); err != nil {
					t.Fatal(err)
				}
				name := pages.Text(lang, pages.Key("ending."+string(what)))
				stops := pages.Text(lang, pages.Key("ended."+string(what)))
				text := strings.ReplaceAll(page.String(), "&#39;", "'")
				if !strings.Contains(text, name) || !strings.Contains(text, sc.date(moment)) ||
					strings.Contains(text, stops) != over {
					t.Errorf("%s, %s, over %v: the page does not say it", lang, what, over)
				}
			}
		}
	}
}
