package provisioning

import (
	"maps"
	"slices"
)

// Repeated says that an order's op id is known: what it did stands, nothing was done again.
type Repeated struct{ Result OpResult }

// Error implements error.
func (*Repeated) Error() string { return "this form was posted before" }

// Refusal is what the first post was refused with, or nil.
func (r *Repeated) Refusal() *Refusal {
	if r.Result.Refusal == "" {
		return nil
	}
	return &Refusal{Code: r.Result.Refusal, Params: maps.Clone(r.Result.Params)}
}

// Decide applies the rules to one order. It returns
//
//   - a change and nil: the order is allowed, commit it;
//   - a change and a *Refusal: the order is refused, and that is recorded: commit the change, which
//     holds the entry and the op's result and nothing else, and then refuse;
//   - no change and a *Refusal: refused, with nobody or nothing to put on record;
//   - no change and a *Repeated: the op id is known.
//
// Every refusal of a known officer is recorded: an auditor sees what was tried, and the same form
// posted again gets the same answer whatever happened in between.
func Decide(s Snapshot, site Site, o Order) (Change, error) {
	if done, ok := Get[OpResult](s, string(o.Op)); ok && o.Op != "" {
		return Change{}, &Repeated{done}
	}
	d := newDecision(s, site, o)
	refusal := d.run()
	switch {
	case refusal == nil:
		return d.allowed(), nil
	case d.known:
		return d.refused(refusal), refusal
	}
	return Change{}, refusal
}

// decision is one order being judged.
type decision struct {
	*draft
	site    Site
	o       Order
	officer Officer
	// known is set once the officer and, where there is one, the visit are known.
	known bool
	// visit as it was found, and as the order leaves it. Its ID is empty when there is none.
	visit Visit
	// result names the visit the op id leads to.
	result VisitID
}

func newDecision(s Snapshot, site Site, o Order) *decision {
	now := Now{o.Desk, o.At, o.Synced}
	actor := string(o.By)
	if o.By == "" {
		actor = ActorDesk
	}
	d := &decision{draft: newDraft(s, now, actor, ""), site: site, o: o}
	d.seed = string(o.Op)
	return d
}

func (d *decision) run() *Refusal {
	act := actOf(d.o.Command)
	d.entry.Act, d.entry.Rule = act.name, string(act.name)
	if no := d.frame(act); no != nil {
		return no
	}
	d.about(d.visit)
	return act.run(d)
}

// allowed ends a decision that no rule refused.
func (d *decision) allowed() Change {
	if d.visit.ID != "" {
		d.about(d.visit)
		d.result = d.visit.ID
		if d.visit.State != VisitEnded {
			d.visit = d.touch(d.visit)
		}
	}
	d.remember(nil)
	return d.change()
}

// refused puts a refusal on record and drops whatever else was drafted.
func (d *decision) refused(r *Refusal) Change {
	d.rows, d.records = nil, nil
	d.result = d.o.Visit
	d.entry.Outcome = OutcomeRefused
	d.detail("code", string(r.Code))
	d.remember(r)
	return d.change()
}

func (d *decision) remember(r *Refusal) {
	if d.o.Op == "" {
		return
	}
	result := OpResult{ID: d.o.Op, Visit: d.result, At: d.now.At}
	if r != nil {
		result.Refusal, result.Params = r.Code, maps.Clone(r.Params)
	}
	d.put(result)
}

// rule is one rule with the id auditors know it by.
type rule struct {
	id    string
	check func() *Refusal
}

// all applies rules in order; the entry names the first that refuses.
func (d *decision) all(rules ...rule) *Refusal {
	for _, r := range rules {
		if no := r.check(); no != nil {
			d.entry.Rule = r.id
			return no
		}
	}
	return nil
}

// refuseUnless makes a check of a condition and a code.
func refuseUnless(ok bool, code Code, pairs ...string) func() *Refusal {
	return func() *Refusal {
		if ok {
			return nil
		}
		return Refuse(code, pairs...)
	}
}

// frame applies the rules every order has to pass: who acts, in which visit, at which step.
func (d *decision) frame(a act) *Refusal {
	no := d.all(
		rule{"order.op", refuseUnless(a.desk == (d.o.Op == ""), CodeOpMissing)},
		rule{"order.officer", func() *Refusal { return d.knownOfficer(a) }},
		rule{"order.visit", func() *Refusal { return d.knownVisit(a) }},
	)
	if no != nil {
		return no
	}
	d.known = !a.desk
	enabled := rule{"officer.enabled", refuseUnless(!d.officer.Disabled, CodeOfficerDisabled)}
	people := rule{"directory.up", refuseUnless(!a.issues || !d.o.DirectoryDown, CodeDirectoryDown)}
	if a.issues || a.begins {
		if no := d.all(d.mayIssue()); no != nil {
			return no
		}
	}
	if d.visit.ID == "" {
		return d.all(enabled, people)
	}
	v := d.visit
	resting := a.resting || v.State == VisitOpen
	return d.all(enabled, d.notPerson(v.Person),
		rule{"officer.own-visit", refuseUnless(a.anyone || v.Officer == d.o.By,
			CodeVisitOther, "officer", string(v.Officer))},
		rule{"visit.open", refuseUnless(resting, CodeVisitHeld)},
		rule{"visit.turned", refuseUnless(!v.Turned || a.person, CodeTurned)},
		rule{"visit.step", refuseUnless(a.steps == nil || slices.Contains(a.steps, v.Step),
			CodeWrongStep)},
		people,
	)
}

func (d *decision) knownOfficer(a act) *Refusal {
	if a.desk {
		return nil
	}
	var ok bool
	if d.officer, ok = Get[Officer](d.s, string(d.o.By)); !ok {
		return Refuse(CodeOfficerUnknown)
	}
	return nil
}

func (d *decision) knownVisit(a act) *Refusal {
	if a.scope == scopeNone || a.scope == scopeEither && d.o.Visit == "" {
		return nil
	}
	var ok bool
	if d.visit, ok = Get[Visit](d.s, string(d.o.Visit)); !ok {
		return Refuse(CodeVisitUnknown)
	}
	return nil
}

// notPerson: an officer is never the person they act on.
func (d *decision) notPerson(p PersonID) rule {
	return rule{"officer.not-person", refuseUnless(!d.officer.is(p), CodeOfficerIsPerson)}
}

// is reports whether this officer is that person.
func (o Officer) is(p PersonID) bool { return o.Person != "" && o.Person == p }
