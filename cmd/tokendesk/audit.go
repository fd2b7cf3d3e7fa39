package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/audit"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

type auditCmd struct {
	List   auditListCmd   `cmd:"" help:"Who did what under which rule, newest first."`
	Verify auditVerifyCmd `cmd:"" help:"Recompute the whole log, and hold what the verifier kept of it against it."`
	Export auditExportCmd `cmd:"" help:"Write the log without personal data, with the hashes to recompute it."`
}

type auditListCmd struct {
	Since   time.Time `help:"Entries from this time on (RFC 3339)."`
	Until   time.Time `help:"Entries before this time (RFC 3339)."`
	Officer string    `help:"Entries of this officer, or of operator:NAME, desk, verifier, self."`
	Person  string    `help:"Entries about this person, by their number."`
	Rule    string    `help:"Entries under rules that begin so, for example loan."`
	Act     string    `help:"Entries of acts that begin so, for example passcode."`
	Before  int64     `help:"Entries before this position: where the last page ended."`
	Limit   int       `help:"How many." default:"50"`
	JSON    bool      `name:"json" help:"One JSON object a line, with all that is known."`
}

// Run implements the command.
func (l auditListCmd) Run(ctx context.Context, c *cli, t terminal) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	page, err := client.AuditList(ctx, daemon.AuditQuery{Before: l.Before, Limit: l.Limit,
		Filter: audit.Filter{Since: l.Since, Until: l.Until, Actor: l.Officer,
			Person: provisioning.PersonID(l.Person), Rule: l.Rule, Act: l.Act}})
	if err != nil {
		return err
	}
	if l.JSON {
		lines := json.NewEncoder(t.out)
		for _, entry := range page.Entries {
			if err := lines.Encode(entry); err != nil {
				return err
			}
		}
		return nil
	}
	return printEntries(t.out, page)
}

func printEntries(out io.Writer, page daemon.AuditPage) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "POSITION\tAT\tWHO\tACT\tRULE\tOUTCOME\tPERSON\tTOKEN")
	for _, logged := range page.Entries {
		fmt.Fprintln(table, entryLine(logged))
	}
	if err := table.Flush(); err != nil || page.Next == 0 {
		return err
	}
	_, err := fmt.Fprintf(out, "\nmore: --before %d\n", page.Next)
	return err
}

func entryLine(logged store.Logged) string {
	if logged.Erased {
		return fmt.Sprintf("%d\t\t(the person was erased)", logged.Position)
	}
	e := logged.Entry
	at := e.At.UTC().Format(time.RFC3339)
	if !e.Synced {
		at += "?"
	}
	return strings.Join([]string{strconv.FormatInt(logged.Position, 10), at, e.Actor, string(e.Act),
		e.Rule, e.Outcome, string(e.Person), string(e.Token)}, "\t")
}

type auditVerifyCmd struct {
	Checkpoint []string `type:"existingfile" help:"A checkpoint the verifier kept (verifierd desk checkpoint); may be repeated."`
	Export     string   `type:"existingfile" help:"Check an export instead of the running desk; it needs --card."`
	Card       []string `type:"existingfile" help:"The desk's card, for the key its log is signed with; after a renewal of that key the card of before, too."`
}

// Run implements the command.
func (v auditVerifyCmd) Run(ctx context.Context, c *cli, t terminal) error {
	var kept []string
	for _, name := range v.Checkpoint {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		kept = append(kept, string(text))
	}
	if v.Export != "" {
		return v.offline(kept, t.out)
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	check, err := client.AuditVerify(ctx, kept)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "the log verifies: %d leaves, %d records; %d entries and %d records are of "+
		"persons who were erased\n", check.Leaves, check.Records, check.Erased, check.ErasedRecords)
	for _, size := range check.Kept {
		fmt.Fprintf(t.out, "its first %d leaves are those that were signed\n", size)
	}
	if len(kept) == 0 {
		fmt.Fprintln(t.out, "no checkpoint was held against it: a log that was rewritten as a whole "+
			"verifies, too")
	}
	_, err = fmt.Fprintf(t.out, "\n%s", check.Checkpoint)
	return err
}

// offline checks an export with nothing but the desk's public key.
func (v auditVerifyCmd) offline(kept []string, out io.Writer) error {
	if len(v.Card) == 0 {
		return errors.New("checking an export needs --card, the desk's card")
	}
	keys, err := v.logKeys()
	if err != nil {
		return err
	}
	file, err := os.Open(v.Export)
	if err != nil {
		return err
	}
	defer file.Close()
	signed := make([][]byte, len(kept))
	for i, text := range kept {
		signed[i] = []byte(text)
	}
	checked, err := audit.Check(file, keys, signed...)
	if errors.Is(err, feed.ErrSigner) {
		err = fmt.Errorf("a signature is by none of the keys on the cards; if the log's key was renewed, "+
			"name the card from before with another --card: %w", err)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "the export verifies: %s, %d leaves, %d records, %d of persons who "+
		"were erased; %d checkpoints fit\n", checked.Origin, checked.Leaves, checked.Records,
		checked.Erased, len(kept))
	return err
}

// logKeys are the keys on the cards, each once.
func (v auditVerifyCmd) logKeys() (keys []note.Verifier, err error) {
	var public []string
	for _, name := range v.Card {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		card, err := feed.DecodeDeskCard(data)
		if err != nil {
			return nil, err
		}
		public = append(public, card.LogKey)
		if card.NextLogKey != "" {
			public = append(public, card.NextLogKey)
		}
	}
	slices.Sort(public)
	for _, text := range slices.Compact(public) {
		key, err := note.NewVerifier(text)
		if err != nil {
			return nil, fmt.Errorf("read the log key of the card: %w", err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

type auditExportCmd struct {
	Format string `enum:"json,csv" default:"json" help:"json is what audit verify --export reads; csv is for spreadsheets."`
}

// Run implements the command.
func (x auditExportCmd) Run(ctx context.Context, c *cli, t terminal) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	if x.Format == "json" {
		return client.AuditExport(ctx, t.out)
	}
	pipe, lines := io.Pipe()
	go func() { lines.CloseWithError(client.AuditExport(ctx, lines)) }()
	err = writeCSV(t.out, pipe)
	return errors.Join(err, pipe.CloseWithError(err))
}

// writeCSV writes an export as a table, and its end as comments.
func writeCSV(out io.Writer, export io.Reader) error {
	table := csv.NewWriter(out)
	err := table.Write(strings.Split("leaf,commitment,records,erased,at,synced,actor,act,rule,"+
		"outcome,"+
		"evidence,visit,credential,loan,person", ","))
	if err != nil {
		return err
	}
	lines := bufio.NewReader(export)
	for {
		text, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return errors.New("the export was cut short")
		}
		if err != nil {
			return err
		}
		var end audit.End
		if err := json.Unmarshal(text, &end); err == nil && end.Checkpoint != "" {
			table.Flush()
			return errors.Join(table.Error(), writeEnd(out, end))
		}
		var line audit.Line
		if err := json.Unmarshal(text, &line); err != nil {
			return err
		}
		if err := table.Write(cells(line)); err != nil {
			return err
		}
	}
}

func cells(l audit.Line) []string {
	at := ""
	if !l.At.IsZero() {
		at = l.At.Format(time.RFC3339Nano)
	}
	list := []string{strconv.FormatInt(l.Leaf, 10), l.Commitment, strings.Join(l.Records, " "),
		strconv.FormatBool(l.Erased), at, strconv.FormatBool(l.Synced), l.Actor, l.Act, l.Rule,
		l.Outcome, l.Evidence, l.Visit, l.Credential, l.Loan, l.Person}
	for i, cell := range list {
		// What a spreadsheet would take for a formula is text.
		if cell != "" && strings.ContainsAny(cell[:1], "=+-@") {
			list[i] = "'" + cell
		}
	}
	return list
}

func writeEnd(out io.Writer, end audit.End) error {
	for line := range bytes.Lines([]byte(end.Checkpoint)) {
		if _, err := fmt.Fprintf(out, "# %s", line); err != nil {
			return err
		}
	}
	return nil
}
