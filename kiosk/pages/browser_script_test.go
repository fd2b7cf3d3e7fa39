//go:build browser

package pages

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/chromedp/chromedp"
)

// bench is one tab and the desk behind it, which keeps what was posted.
type bench struct {
	t     *testing.T
	tab   context.Context
	base  string
	posts chan sending
	// events are sent to the live region, as they are.
	events chan string
}

type sending struct {
	path string
	form url.Values
}

// answered is the page that a sent form leads to. A test waits for it before it opens the next one,
// which the browser would otherwise break off for the answer.
const answered = "/gallery/simple-bye"

func newBench(t *testing.T) *bench {
	t.Helper()
	ctx := browser(t)
	b := &bench{t: t, posts: make(chan sending, 16), events: make(chan string)}
	quick := Sample{Name: "quick", Render: func(l Look) templ.Component {
		f := desk(l)
		f.Idle = Idle{Seconds: 60, Warn: 60, End: PathHome}
		return Display(DisplayView{Frame: f})
	}}
	mux := galleryMux(t, append(Gallery(), quick))
	mux.HandleFunc("GET /visit/5f1c/live", b.stream)
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		b.posts <- sending{r.URL.Path, r.PostForm}
		if r.Header.Get("Sec-Fetch-Mode") == "navigate" {
			http.Redirect(w, r, answered, http.StatusSeeOther)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	b.base = started(t, mux).URL
	tab, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b.tab = tab
	return b
}

func (b *bench) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.(http.Flusher).Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case event := <-b.events:
			fmt.Fprint(w, event+"\n\n")
			w.(http.Flusher).Flush()
		}
	}
}

func (b *bench) open(name string) {
	b.t.Helper()
	if err := chromedp.Run(b.tab, chromedp.Navigate(b.base+"/gallery/"+name)); err != nil {
		b.t.Fatal(err)
	}
}

// holds waits until an expression of the page is true.
func (b *bench) holds(what, expression string) {
	b.t.Helper()
	wait := `new Promise((done) => { const look = () => (` + expression +
		`) ? done(true) : setTimeout(look, 20); look(); })`
	ctx, cancel := context.WithTimeout(b.tab, 20*time.Second)
	defer cancel()
	err := chromedp.Run(ctx, chromedp.Evaluate(wait, nil, awaited))
	for err != nil && ctx.Err() == nil && strings.Contains(err.Error(), "navigated") {
		err = chromedp.Run(ctx, chromedp.Evaluate(wait, nil, awaited)) // ask the new page
	}
	if err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

func (b *bench) run(what, script string) {
	b.t.Helper()
	if err := chromedp.Run(b.tab, chromedp.Evaluate(script+"; true", nil, awaited)); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

func (b *bench) posted() sending {
	b.t.Helper()
	select {
	case p := <-b.posts:
		return p
	case <-time.After(20 * time.Second):
		b.t.Fatal("nothing was posted")
		return sending{}
	}
}

func TestScript(t *testing.T) {
	b := newBench(t)
	for _, step := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"the keypad fills the field and Enter sends it", b.keypad},
		{"a form is sent once", b.once},
		{"a new page ignores touches for 450 ms", b.armed},
		{"the live region follows the stream", b.live},
		{"the idle dialog extends", b.idle},
	} {
		t.Run(step.name, func(t *testing.T) {
			b.t = t
			step.run(t)
		})
	}
}

func (b *bench) keypad(t *testing.T) {
	b.open("locked-wrong")
	b.run("press keys", `for (const k of ['1', '2', '3', '4', 'del'])
		document.querySelector('.pad [value="' + k + '"]').click()`)
	b.holds("three dots are filled", `document.querySelectorAll('.dots i.on').length === 3`)
	b.holds("six dots stand there", `document.querySelectorAll('.dots i').length === 6`)
	err := chromedp.Run(b.tab, chromedp.SendKeys("#pin", "4567\r", chromedp.ByQuery))
	if err != nil {
		t.Fatal(err)
	}
	form := b.posted().form
	for name, want := range map[string]string{
		"pin": "1234567", "k": "ok", "do": DoUnlock, "officer": "msousa", "op": "01J9Z3",
	} {
		if got := form.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	b.holds("the answer is there", `location.pathname === '`+answered+`'`)
}

func (b *bench) once(*testing.T) {
	b.open("mismatch")
	b.run("send twice", `window.sent = [1, 2].map(() => document.querySelector('main form')
		.dispatchEvent(new SubmitEvent('submit', { bubbles: true, cancelable: true })))`)
	b.holds("only the first goes through", `sent[0] === true && sent[1] === false`)
}

func (b *bench) armed(*testing.T) {
	b.open("person-lent")
	b.run("stop the clock", `window.tile = document.querySelector('.tile.arm');
		window.arm = (ms) => {
			window.kept ??= tile.getAnimations().find((x) => x.animationName === 'arm');
			kept.pause();
			kept.currentTime = ms;
			return getComputedStyle(tile).pointerEvents;
		};
		tile.style.animation = 'none';
		tile.offsetWidth;
		tile.style.animation = ''`)
	b.holds("at 400 ms a touch does nothing", `arm(400) === 'none'`)
	b.holds("at 451 ms it does", `arm(451) === 'auto'`)
}

func (b *bench) live(*testing.T) {
	b.open("write-touch")
	b.events <- "id: 1\nevent: fragment\ndata: <h1 id=\"fresh\">Fresh\ndata: words</h1>"
	b.holds("the fragment stands on the page",
		`document.getElementById('fresh')?.textContent === 'Fresh\nwords'`)
	b.events <- "event: goto\ndata: //elsewhere.example/"
	b.holds("it stays on this desk", `location.pathname === '/gallery/write-touch'`)
	b.open("write-touch")
	b.events <- "event: down\ndata: The disk failed."
	b.holds("the last words of the desk stand on the page",
		`document.querySelector('.offline').innerText === 'The disk failed.' &&
			document.documentElement.hasAttribute('data-offline')`)
	b.open("write-touch")
	b.events <- "event: goto\ndata: /gallery/simple-bye"
	b.holds("it goes where the desk says", `location.pathname === '/gallery/simple-bye'`)
}

func (b *bench) idle(t *testing.T) {
	b.open("quick")
	b.holds("the dialog opens", `document.querySelector('dialog').open`)
	b.run("answer", `document.querySelector('dialog button').click()`)
	if got := b.posted().path; got != PathAlive {
		t.Errorf("posted to %s, want %s", got, PathAlive)
	}
}
