package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/provisioning"
)

// policyCmd needs no running desk: an auditor reads it anywhere.
type policyCmd struct {
	Site string `help:"A profile by name, or a file of one. Without it: the site of the configuration."`
}

// Run implements the command.
func (p policyCmd) Run(c *cli, t terminal) error {
	site, err := p.site(c)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%s, %s (profile %q)\n\n", site.Name, site.Desk, site.ID)
	if err := printPasscodes(t.out, site); err != nil {
		return err
	}
	if err := printEvidence(t.out, site); err != nil {
		return err
	}
	return printDeviations(t.out, provisioning.Deviations(site))
}

func (p policyCmd) site(c *cli) (provisioning.Site, error) {
	name := p.Site
	if name == "" {
		config, err := daemon.ReadConfig(c.Config)
		if err != nil {
			return provisioning.Site{}, err
		}
		name = config.Site
	}
	if slices.Contains(provisioning.Profiles(), name) {
		return provisioning.LoadSite(name)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return provisioning.Site{}, fmt.Errorf("site %q is neither a profile (%s) nor a file: %w",
			name, strings.Join(provisioning.Profiles(), ", "), err)
	}
	return provisioning.ParseSite(text)
}

func printPasscodes(out io.Writer, site provisioning.Site) error {
	if len(site.Passcodes) == 0 {
		_, err := fmt.Fprint(out, "This site issues no passcodes.\n\n")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PASSCODE\tGOOD FOR\tCODES\tUSES OF EACH\tWHERE\tSECOND OFFICER\tSITUATIONS")
	for _, terms := range site.Passcodes {
		fmt.Fprintf(w, "%s\t%d h\t%d\t%s\t%s\t%s\t%s\n", terms.Type, terms.Hours, terms.Codes(),
			uses(terms), where(terms), yes(terms.SecondOfficer), situations(site, terms.Type))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	l := site.PasscodeLimits
	_, err := fmt.Fprintf(out, "\nOn one day at most %d for a person, %d by an officer, %d at a desk.\n"+
		"Each has nine digits and the first is never 0. A person has one of each kind; another takes\n"+
		"its place, and a new device ends them all. A hundred wrong tries in a row end them, too.\n\n",
		l.Person, l.Officer, l.Desk)
	return err
}

func uses(t provisioning.PasscodeTerms) string {
	if t.Unlimited {
		return "unlimited"
	}
	return fmt.Sprint(t.Uses)
}

func where(t provisioning.PasscodeTerms) string {
	if t.For == provisioning.PurposeEnrol {
		return "enrolling a device"
	}
	return "any sign-in"
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func situations(site provisioning.Site, of provisioning.PasscodeType) string {
	var keys []string
	for _, s := range site.Situations {
		if s.Passcode == of {
			keys = append(keys, s.Key)
		}
	}
	if len(keys) == 0 {
		return "(no officer issues it)"
	}
	return strings.Join(keys, ", ")
}

func printEvidence(out io.Writer, site provisioning.Site) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "EVIDENCE\tFOR A TOKEN\tFOR A PASSCODE\tREVOKES WHAT IS LOST")
	for _, rule := range site.Evidence {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", rule.Kind, yes(rule.Loan), yes(rule.Passcode), yes(rule.Lost))
	}
	fmt.Fprintln(w)
	return w.Flush()
}

func printDeviations(out io.Writer, list []provisioning.Deviation) error {
	fmt.Fprintf(out, "Deviations from NIST SP 800-63B-4 (July 2025): %d\n", len(list))
	for i, d := range list {
		_, err := fmt.Fprintf(out, "\n%d. Section %s, %s\n   here: %s\n   NIST: %s\n", i+1, d.Section,
			d.Word, d.Does, d.Says)
		if err != nil {
			return err
		}
	}
	return nil
}
