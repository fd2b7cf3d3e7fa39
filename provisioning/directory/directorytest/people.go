package directorytest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/directory"
)

// Suffix is the mail suffix that is dropped from account names, and Now when the tests take place.
const Suffix = "@um.edu.mo"

// Now is the time of every directory in these tests.
func Now() time.Time { return time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC) }

// Person is everything a test knows about somebody it invented.
type Person struct {
	directory.Record
	// Password is in clear; a source keeps it in its own way.
	Password string
	Photo    []byte
	// Officer and Supervisor put them into the staff groups.
	Officer, Supervisor bool
}

// Staff are the officers among people, as a directory lists them.
func Staff(people []Person) []provisioning.Officer {
	var staff []provisioning.Officer
	for _, p := range people {
		if (p.Officer || p.Supervisor) && !p.Left {
			staff = append(staff, provisioning.Officer{ID: provisioning.OfficerID(p.Account),
				Name: p.Name, Person: p.ID, Supervisor: p.Supervisor})
		}
	}
	return staff
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// Sample are people of every kind.
func Sample() []Person {
	return []Person{
		{Record: directory.Record{Person: provisioning.Person{ID: "DC126543", Site: "um",
			Name: "CHAN Lok Ching", Native: "陳樂晴", NativeLang: "zh-Hant", Role: "student",
			Unit: "Science and Technology", Account: "dc126543", Card: "04127781",
			CardUntil: date(2027, 8, 31), Devices: 1, Lang: "zh-Hant", Mail: "dc126543@um.edu.mo",
			Phone: "+85366123456"}, CardUID: "04A1B2C3D4E5F6", Born: date(2004, 2, 29),
			IdentityCard: "1234567(8)"}, Password: "correct horse", Photo: Photo(1, 3000)},
		{Record: directory.Record{Person: provisioning.Person{ID: "E1004402", Site: "um",
			Name: "SOUSA Maria", Role: "staff", Unit: "ICTO", Account: "msousa", Card: "04314402",
			CardUntil: date(2026, 10, 31), Devices: 2, Lang: "pt", Mail: "msousa@um.edu.mo"},
			Born: date(1980, 12, 1), IdentityCard: "7654321(0)", Passport: "N 998877"},
			Password: "pássword é", Officer: true},
		{Record: directory.Record{Person: provisioning.Person{ID: "E1004519", Site: "um",
			Name: "WONG Ka I", Role: "staff", Unit: "Library", Account: "ki-wong", Card: "04319001",
			CardUntil: date(2027, 10, 31), CardReplacedBy: "04319002", Lang: "en"},
			Born: date(1975, 6, 15), IdentityCard: "5566778"}, Password: "ki(*)wong",
			Supervisor: true},
		{Record: directory.Record{Person: provisioning.Person{ID: "E1009999", Site: "um",
			Name: "LEI Sio Man", Role: "staff", Unit: "Bursary", Account: "smlei", Card: "04319999"},
			Born: date(1966, 1, 2), IdentityCard: "11112222", Left: true, Since: date(2026, 7, 31)},
			Password: "gone", Officer: true},
		{Record: directory.Record{Person: provisioning.Person{ID: "V9900321", Site: "um",
			Name: "OKAFOR Ngozi", Role: "visitor", Account: "nokafor"}, Passport: "A01234567"}},
	}
}

// Crowd are the sample people and so many more, always the same.
func Crowd(more int) []Person {
	people := Sample()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range more {
		id := fmt.Sprintf("MC%06d", i)
		people = append(people, Person{Record: directory.Record{Person: provisioning.Person{
			ID: provisioning.PersonID(id), Site: "um", Name: fmt.Sprintf("PERSON Number %d", i),
			Native: fmt.Sprintf("第%d人", i), NativeLang: "zh-Hant", Role: "student",
			Unit: "Arts and Humanities", Account: fmt.Sprintf("mc%06d", i),
			Card: fmt.Sprintf("05%06d", i), CardUntil: date(2028, 8, 31), Devices: i % 3, Lang: "en",
			Mail: fmt.Sprintf("mc%06d@um.edu.mo", i), Phone: fmt.Sprintf("+853660%05d", i%100000)},
			CardUID: fmt.Sprintf("08%012X", i), Born: date(1990+i%15, 1, 1+i%28),
			IdentityCard: fmt.Sprintf("%08d", 20000000+i)}, Password: fmt.Sprintf("pw-%d", i),
			Photo: Photo(byte(i), 2000+random.IntN(2000))})
	}
	return people
}

// Photo is something that begins like a JPEG and is so many bytes long.
func Photo(look byte, size int) []byte {
	return append([]byte{0xff, 0xd8, 0xff, 0xe0}, bytes.Repeat([]byte{look}, size-4)...)
}
