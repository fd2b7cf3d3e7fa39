package provisioning

// scope says whether an act happens in a visit.
type scope int

const (
	scopeVisit scope = iota
	scopeEither
	scopeNone
)

// act is what the rules know of one kind of command.
type act struct {
	name  Act
	scope scope
	// steps at which it may be asked for; nil means any.
	steps []Step
	// desk: it is the desk's own, and no form's.
	desk bool
	// person: it may be asked for while the screen faces the person.
	person bool
	// resting: it may be asked for while the visit is held or parked.
	resting bool
	// anyone: the officer need not be the visit's own; the act itself says who may.
	anyone bool
	// issues: it gives somebody a way in. None is given while people cannot be looked up.
	issues bool
	// begins: it opens a visit. None is opened while nothing can be issued.
	begins bool
	run    func(*decision) *Refusal
}

// actOf tells what an order is.
func actOf(command Command) act {
	switch c := command.(type) {
	case Open:
		return act{name: "visit.open", scope: scopeNone, begins: true, run: with(c, (*decision).open)}
	case Resume:
		return act{name: "visit.resume", resting: true, anyone: true, run: (*decision).resume}
	case Hold:
		return act{name: "visit.hold", person: true, run: (*decision).holdVisit}
	case Park:
		return act{name: "visit.park", steps: in(StepVerify), run: (*decision).parkVisit}
	case End:
		return act{name: "visit.end", resting: true, run: (*decision).endVisit}
	case Stay:
		return act{name: "visit.stay", person: true, run: (*decision).stay}
	case Turn:
		return act{name: "visit.turn", person: true, steps: turnable(c),
			run: with(c, (*decision).turn)}
	case Void:
		return act{name: "loan.void", scope: scopeEither, steps: in(StepChoose, StepDone),
			run: with(c, (*decision).void)}
	case SettleFee:
		return act{name: "loan.fee", scope: scopeEither, steps: in(StepChoose, StepDone),
			run: with(c, (*decision).settleFee)}
	case IssueByMail:
		return act{name: "passcode.mail", scope: scopeNone, run: with(c, (*decision).issueByMail)}
	case MissRequest:
		return act{name: "request.miss", scope: scopeNone, run: with(c, (*decision).missRequest)}
	case CountDrawer:
		return act{name: "drawer.count", scope: scopeNone, run: with(c, (*decision).countDrawer)}
	case TakeOver:
		return act{name: "visit.takeover", resting: true, anyone: true, run: (*decision).takeOver}
	case Speak:
		return act{name: "officer.lang", scope: scopeNone, run: with(c, (*decision).speak)}
	case Restock:
		return act{name: "token.restock", scope: scopeNone, run: with(c, (*decision).restock)}
	case RetryNotice:
		return act{name: "notice.retry", scope: scopeNone, run: with(c, (*decision).retryNotice)}
	case DropNotice:
		return act{name: "notice.drop", scope: scopeNone, run: with(c, (*decision).dropNotice)}
	case TakeRequest:
		return act{name: "request.take", scope: scopeNone, run: with(c, (*decision).takeRequest)}
	case FinishTask:
		return act{name: "task.finish", scope: scopeNone, run: with(c, (*decision).finishTask)}
	case OrderElsewhere:
		return act{name: "site.order", scope: scopeNone, run: with(c, (*decision).orderElsewhere)}
	case CloseRequest:
		return act{name: "request.close", scope: scopeNone, run: with(c, (*decision).closeRequest)}
	}
	return atStep(command)
}

// atStep tells the acts that belong to the steps of one errand.
func atStep(command Command) act {
	switch c := command.(type) {
	case Confirm:
		return act{name: "identity.confirm", steps: in(StepIdentify), run: with(c, (*decision).confirm)}
	case Doubt:
		return act{name: "identity.doubt", steps: in(StepIdentify), run: (*decision).doubtIdentity}
	case Choose:
		return act{name: "visit.choose", steps: in(StepIdentify, StepChoose, StepDone),
			issues: c.Errand == ErrandLoan || c.Errand == ErrandPasscode,
			run:    with(c, (*decision).choose)}
	case Back:
		return act{name: "visit.back", run: (*decision).back,
			steps: in(StepPlug, StepCheck, StepReturn, StepLost, StepProblem, StepSituation,
				StepSecond)}
	case Ask:
		return act{name: "loan.ask", steps: in(StepPlug, StepCheck), run: with(c, (*decision).ask)}
	case Agree:
		return act{name: "loan.agree", person: true, steps: in(StepCheck),
			run: with(c, (*decision).agree)}
	case Pick:
		return act{name: "token.pick", steps: in(StepCheck), run: with(c, (*decision).pick)}
	case Write:
		return act{name: "loan.write", issues: true, steps: in(StepCheck),
			run: with(c, (*decision).write)}
	case Again:
		return act{name: "visit.again", steps: in(StepProblem), run: (*decision).again}
	case SetAside:
		return act{name: "token.aside", steps: in(StepPlug, StepCheck, StepProblem),
			run: with(c, (*decision).setAside)}
	case ReportLost:
		return act{name: "loan.lost", steps: in(StepLost), run: with(c, (*decision).reportLost)}
	case Reinstate:
		return act{name: "loan.reinstate", steps: in(StepLost), run: with(c, (*decision).reinstate)}
	case TakeBack:
		return act{name: "loan.return", steps: in(StepReturn), run: with(c, (*decision).takeBack)}
	case Plugged:
		return act{name: "token.plugged", desk: true, person: true, anyone: true,
			steps: in(StepPlug, StepReturn, StepLost), run: with(c, (*decision).plugged)}
	case Unplugged:
		return act{name: "token.unplugged", desk: true, person: true, anyone: true,
			steps: in(StepPlug, StepCheck, StepReturn, StepLost), run: (*decision).unplugged}
	}
	return atPasscode(command)
}

// atPasscode tells the acts around a passcode.
func atPasscode(command Command) act {
	switch c := command.(type) {
	case AskSecond:
		return act{name: "passcode.ask", issues: true, run: with(c, (*decision).askSecond),
			steps: in(StepSituation, StepReveal, StepProblem, StepDone)}
	case IssuePasscode:
		return act{name: ActPasscode, issues: true, run: with(c, (*decision).issuePasscode),
			steps: in(StepChoose, StepSituation, StepSecond, StepReveal, StepProblem, StepDone)}
	case RevokePasscode:
		return act{name: "passcode.revoke", run: with(c, (*decision).revokePasscode),
			steps: in(StepChoose, StepSituation, StepReveal, StepDone)}
	case Reveal:
		return act{name: "passcode.reveal", person: true, steps: in(StepReveal),
			run: with(c, (*decision).reveal)}
	case Hide:
		return act{name: "passcode.hide", person: true, steps: in(StepReveal), run: (*decision).hide}
	case Noted:
		return act{name: "passcode.noted", person: true, steps: in(StepReveal),
			run: (*decision).noted}
	}
	return act{name: "order.unknown", scope: scopeNone, run: func(*decision) *Refusal {
		return Refuse(CodeWrongStep)
	}}
}

// with binds a command to the method that judges it.
func with[C Command](c C, judge func(*decision, C) *Refusal) func(*decision) *Refusal {
	return func(d *decision) *Refusal { return judge(d, c) }
}

func in(steps ...Step) []Step { return steps }

// turnable: the screen is handed over where the person has something to read or do, and taken back
// anywhere.
func turnable(c Turn) []Step {
	if !c.Away {
		return nil
	}
	return in(StepPlug, StepCheck, StepWrite, StepVerify, StepDone, StepReveal)
}
