package daemon

import (
	"bytes"
	"log/slog"
)

// complaints takes what a server has to say into the log, but for connections that never came to a
// request: whoever opens ten thousand of them must not fill the journal.
type complaints struct{ log *slog.Logger }

// Write implements io.Writer.
func (c complaints) Write(line []byte) (int, error) {
	if !bytes.HasPrefix(line, []byte("http: TLS handshake error")) {
		c.log.Error("a server", "said", string(bytes.TrimSpace(line)))
	}
	return len(line), nil
}
