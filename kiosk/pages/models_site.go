package pages

// PathTasks lists what the sign-in service did not take.
const PathTasks = "/tasks"

// The buttons about another desk's token, and the one of a task.
const (
	// DoElsewhere: a tile of the visit of whoever has it.
	DoElsewhere = "elsewhere"
	// DoSuspendThere, DoLostThere and DoReturnThere: Elsewhere.
	DoSuspendThere = "suspend_there"
	DoLostThere    = "lost_there"
	DoReturnThere  = "return_there"
	// DoTaskDone: Tasks; task.
	DoTaskDone = "task_done"
)

// Report is what a desk of the site ordered about another desk's token.
type Report struct {
	// Act is suspend, revoke or return.
	Act, Desk, Officer, At string
}

// ElsewhereStage is how far a token of another desk is.
type ElsewhereStage string

// The stages of another desk's token.
const (
	ElsewhereLent      ElsewhereStage = "lent"
	ElsewhereSuspended ElsewhereStage = "suspended"
	// ElsewhereWaiting: ordered here, and the sign-in service has not answered. ElsewhereOver: it
	// works nowhere any more.
	ElsewhereWaiting ElsewhereStage = "waiting"
	ElsewhereOver    ElsewhereStage = "over"
)

// ElsewhereView is a token that another desk lent. ElsewhereLive is its live region.
type ElsewhereView struct {
	Frame
	Serial, Desk string
	Stage        ElsewhereStage
	// Last is what was ordered about it last; nil when nothing was.
	Last *Report
	// VerifierDown: an order waits for the sign-in service.
	VerifierDown bool
}

// TasksView lists what there is to see to.
type TasksView struct {
	Frame
	Rows []TaskRow
}

// TaskRow is one task: do=task_done ends it. Path is where its token is put right.
type TaskRow struct {
	ID, Serial, Name, Officer, Since, Path string
	Why                                    Problem
}
