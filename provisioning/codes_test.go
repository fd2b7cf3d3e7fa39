package provisioning_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning"
)

// Every constant of codes.go is in Codes, once: the kiosk has a sentence for what is listed there.
func TestCodesAreComplete(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []provisioning.Code
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			literal := spec.Values[0].(*ast.BasicLit).Value
			code, _ := strconv.Unquote(literal)
			declared = append(declared, provisioning.Code(code))
		}
		return true
	})
	listed := provisioning.Codes()
	slices.Sort(declared)
	slices.Sort(listed)
	if !slices.Equal(declared, listed) {
		t.Errorf("declared %v\nlisted %v", declared, listed)
	}
	if len(slices.Compact(listed)) != len(provisioning.Codes()) {
		t.Error("a code stands twice")
	}
}
