//go:build e2e

package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/tokendesk/tokendesk/kiosk/pages"
)

// ear hears what the browser asks for, what it is answered, and what it complains of.
type ear struct {
	mu         sync.Mutex
	asked      []string
	posts      []string
	policies   map[string]int
	complaints []string
}

func listen(p tab) *ear {
	e := &ear{policies: map[string]int{}}
	chromedp.ListenTarget(p.ctx, func(event any) {
		e.mu.Lock()
		defer e.mu.Unlock()
		switch event := event.(type) {
		case *network.EventRequestWillBeSent:
			e.asked = append(e.asked, event.Request.URL)
			if event.Request.Method == "POST" {
				e.posts = append(e.posts, event.Request.URL)
			}
		case *network.EventResponseReceived:
			if event.Type == network.ResourceTypeDocument {
				policy, _ := event.Response.Headers["Content-Security-Policy"].(string)
				e.policies[policy]++
			}
		case *log.EventEntryAdded:
			if level := event.Entry.Level; level == log.LevelError || level == log.LevelWarning {
				e.complaints = append(e.complaints, event.Entry.Text+" "+event.Entry.URL)
			}
		case *runtime.EventExceptionThrown:
			// A page that is left before its change has been drawn says so, and nobody is to blame.
			if what := event.ExceptionDetails.Error(); !strings.Contains(what, "Transition was") {
				e.complaints = append(e.complaints, what)
			}
		case *runtime.EventConsoleAPICalled:
			e.complaints = append(e.complaints, fmt.Sprintf("console.%s", event.Type))
		}
	})
	p.do("listen", network.Enable(), log.Enable(), runtime.Enable())
	return e
}

// judge: one policy on every page, no report, and nothing asked of anybody but the desk.
func (e *ear) judge(t *testing.T, origin string) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, complaint := range e.complaints {
		t.Errorf("the browser says: %s", complaint)
	}
	for _, url := range e.asked {
		if !strings.HasPrefix(url, origin+"/") {
			t.Errorf("the page asked for %s", url)
		}
	}
	for policy, n := range e.policies {
		if policy != pages.Policy {
			t.Errorf("%d pages came with the policy %q", n, policy)
		}
	}
	if len(e.asked) < 100 || len(e.posts) < 20 || e.policies[pages.Policy] < 20 {
		t.Errorf("only %d requests, %d posts and %d pages were heard", len(e.asked), len(e.posts),
			e.policies[pages.Policy])
	}
}

// posted counts the forms that were sent so far. That somebody is there is no form.
func (e *ear) posted() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, url := range e.posts {
		if !strings.HasSuffix(url, pages.PathAlive) {
			n++
		}
	}
	return n
}
