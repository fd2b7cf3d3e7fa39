package directory

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sample = `id,site,name,native,native_lang,role,unit,account,card,card_until,card_replaced_by,portrait,devices
DC126543,um,CHAN Lok Ching,陳樂晴,zh-Hant,student,Science,dc126543,0412 7781,2027-08-31,,chan.svg,1
E100,um,SOUSA Maria,,,staff,ICTO,msousa,0412-9000,2026-10-31,,,2
`

const knowing = `id,site,name,role,account,card_uid,phone,mail,lang,born,identity_card,passport,password,status,since
E1,um,SOUSA Maria,staff,msousa,04A1,+853 6612-3456,m@um.edu.mo,"zh-MO, en",1980-12-01,7654321(0),,,left,2026-07-31
`

func TestRefusesWithTheLine(t *testing.T) {
	head := strings.SplitAfterN(sample, "\n", 2)[0]
	more := strings.SplitAfterN(knowing, "\n", 2)[0]
	for name, test := range map[string]struct{ text, says string }{
		"unknown column": {"id,site,name,role,account,colour\n", "column 6"},
		"column twice":   {"id,site,name,role,account,id\n", "column 6"},
		"missing column": {"id,site,name,role\n", `"account"`},
		"short line":     {head + "a,b\n", "line 2"},
		"bad date":       {head + "a,um,A,,,staff,,acc,,31/8/2027,,,1\n", "line 2: card_until"},
		"number twice":   {head + "a,um,A,,,staff,,x,,,,,\nb,um,B,,,staff,,x,,,,,\n", "line 3"},
		"card and name":  {head + "a,um,A,,,staff,,x1,,,,,\nb,um,B,,,staff,,y,x-1,,,,\n", "line 3"},
		"bare quote":     {head + "a,um,\"A,,,staff,,x,,,,,\n", "line"},
		"bad phone":      {more + "a,um,A,staff,x,,12,,,,,,,,\n", "line 2: phone"},
		"bad mail":       {more + "a,um,A,staff,x,,,\"a@b\nBcc: c@d\",,,,,,,\n", "mail"},
		"bad language":   {more + "a,um,A,staff,x,,,,*,,,,,,\n", "line 2: lang"},
		"bad birthday":   {more + "a,um,A,staff,x,,,,,1980,,,,,\n", "line 2: born"},
		"bad hash":       {more + "a,um,A,staff,x,,,,,,,,secret,,\n", "line 2: password"},
		"bad status":     {more + "a,um,A,staff,x,,,,,,,,,gone,\n", "line 2: status"},
	} {
		_, err := read(strings.NewReader(test.text), names{})
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows a value", name)
		}
	}
}

func TestReadsTheNewColumns(t *testing.T) {
	people, err := read(strings.NewReader(knowing), names{})
	if err != nil || len(people) != 1 {
		t.Fatalf("%d people, %v", len(people), err)
	}
	r := people[0]
	if r.Phone != "+85366123456" || r.Mail != "m@um.edu.mo" || r.Lang != "zh-Hant" || !r.Left ||
		r.Born.Format(day) != "1980-12-01" || r.Since.Format(day) != "2026-07-31" || r.CardUID != "04A1" {
		t.Error("a column was lost or misread")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(knowing))
	f.Fuzz(func(t *testing.T, data []byte) {
		people, err := read(bytes.NewReader(data), names{})
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := Write(&out, people); err != nil {
			t.Fatal(err)
		}
		again, err := read(&out, names{})
		if err != nil {
			t.Fatalf("what was read is not readable when written: %v", err)
		}
		if diff := cmp.Diff(people, again); diff != "" {
			t.Errorf("read, written, read:\n%s", diff)
		}
	})
}
