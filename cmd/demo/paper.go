package main

import (
	"net"
	"os"

	"github.com/tokendesk/tokendesk/cmd/demo/workbench"
	"github.com/tokendesk/tokendesk/daemon"
)

// paperWidth is that of receipt paper of 80 mm, in dots.
const paperWidth = 576

// noto is where Debian puts the font of all languages.
const noto = "/usr/share/fonts/opentype/noto/NotoSansCJK-"

// printer is the desk's configuration for the virtual printer. Without the font of all languages
// the slips are written in the one that is compiled in, and one in Chinese is refused.
func printer(port net.Listener) *daemon.Printer {
	p := &daemon.Printer{Kind: "escpos", Address: port.Addr().String(), Font: daemon.FontBuiltIn}
	if _, err := os.Stat(noto + "Regular.ttc"); err == nil {
		p.Font, p.Bold = noto+"Regular.ttc", noto+"Bold.ttc"
	}
	return p
}

// paperSwitch takes the paper away.
func (st *stage) paperSwitch() workbench.Switch {
	return workbench.Switch{Name: "paper", Label: "Paper of the printer", On: "There is paper.",
		Off: "The printer is out of paper.", Get: func() bool { return !st.paper.Out() },
		Set: func(there bool) { st.paper.SetOut(!there) }}
}
