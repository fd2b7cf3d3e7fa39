package feed

// ProblemMoved is how a verifier answers whose state lives elsewhere now.
var ProblemMoved = problem("moved", 503, "The verifier was moved to another machine")
