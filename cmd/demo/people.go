package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/directory"
)

// sample is one person of the demonstration. They are invented.
type sample struct {
	provisioning.Person
	face face
}

// face says how a portrait is drawn.
type face struct{ paper, skin, shade, hair, cloth string }

// people returns the sample people of a university. Every directory has a student without a token,
// one whose role may not borrow, one with a replaced card, and the officers' own records.
func people(site string, now time.Time) []sample {
	until := now.AddDate(0, 9, 0)
	macau := []sample{
		person("um", "DC126543", "CHAN Lok Ching", "陳樂晴", "zh-Hant", "student",
			"Science and Technology", "dc126543", "0412 7781", 1, 0),
		person("um", "MB245010", "WONG Ka Hou", "黃家豪", "zh-Hant", "student",
			"Business Administration", "mb245010", "0412 8830", 0, 1),
		person("um", "D3001177", "FERREIRA Ana Luísa", "", "", "staff", "Registry",
			"alferreira", "0431 1177", 2, 2),
		person("um", "V9900321", "OKAFOR Ngozi", "", "", "visitor", "Visiting scholar",
			"nokafor", "0499 0321", 1, 3),
		person("um", "E1004402", "SOUSA Miguel", "", "", "staff", "ICTO Help Desk",
			"msousa", "0431 4402", 2, 4),
		person("um", "E1004519", "LEONG Sok I", "梁淑儀", "zh-Hant", "staff", "ICTO Help Desk",
			"sileong", "0431 4519", 2, 5),
	}
	sarawak := []sample{
		person("unimas", "74120", "NUR AISYAH binti Abdullah", "", "", "student",
			"Computer Science and IT", "74120", "6012 7412", 1, 5),
		person("unimas", "74385", "LING Siew Mei", "林秀美", "zh-Hans", "student",
			"Applied and Creative Arts", "74385", "6012 7438", 0, 0),
		person("unimas", "2291", "JAMES Anak Unggat", "", "", "staff", "Bursary", "juanggat",
			"6031 2291", 2, 1),
		person("unimas", "3310", "RAJ Kumar a/l Subramaniam", "", "", "alumni", "Alumni",
			"rkumar", "6044 3310", 1, 3),
		person("unimas", "4402", "MICHAEL Lau", "", "", "staff", "CITDS Service Desk",
			"mlau", "6031 4402", 2, 4),
		person("unimas", "4519", "SITI Hajar", "", "", "staff", "CITDS Service Desk",
			"shajar", "6031 4519", 2, 2),
	}
	list := macau
	if site == "unimas" {
		list = sarawak
	}
	for i := range list {
		list[i].CardUntil, list[i].Lang = until, knows[list[i].ID].lang
	}
	list[2].CardReplacedBy = "0499 9999"
	return list
}

func person(
	site, id, name, native, lang, role, unit, account, card string, devices, look int,
) sample {
	return sample{provisioning.Person{ID: provisioning.PersonID(id), Site: site, Name: name,
		Native: native, NativeLang: lang, Role: role, Unit: unit, Account: account, Card: card,
		Portrait: id + ".svg", Devices: devices}, looks[look]}
}

var looks = []face{
	{"#c9d8d8", "#f0c9a8", "#c99a78", "#1d2429", "#23434f"},
	{"#d8d3c4", "#e2b796", "#b98a66", "#2b2018", "#5a3d2b"},
	{"#d3dad5", "#e9bf9d", "#bf8f6d", "#5b3a24", "#0b5563"},
	{"#dcd6e0", "#8a5a3c", "#6d442b", "#15110f", "#7a4b00"},
	{"#cfdbe6", "#e6b995", "#c08e69", "#3a2a20", "#2c3f66"},
	{"#e3d8cf", "#d9a57e", "#b07d58", "#241a18", "#6b2f4a"},
}

// portrait draws a face. Nobody real is in it.
func (f face) portrait() []byte {
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 220">`+
		`<rect width="200" height="220" fill="%[1]s"/>`+
		`<path d="M36 220c2-46 30-62 64-62s62 16 64 62z" fill="%[5]s"/>`+
		`<path d="M82 146h36v26c-8 14-28 14-36 0z" fill="%[3]s"/>`+
		`<path d="M54 100c-4-50 18-72 46-72s50 22 46 72c-2 26-6 44-10 52H64c-4-8-8-26-10-52z" fill="%[4]s"/>`+
		`<ellipse cx="100" cy="104" rx="35" ry="45" fill="%[2]s"/>`+
		`<path d="M64 98c2-32 16-44 36-46 20 2 34 14 36 46-10-8-20-20-26-30-8 14-26 24-46 30z" fill="%[4]s"/>`+
		`<circle cx="86" cy="106" r="3.6" fill="#2b2018"/><circle cx="114" cy="106" r="3.6" fill="#2b2018"/>`+
		`<path d="M100 110v11q-3 3-6 2" stroke="%[3]s" stroke-width="2.4" fill="none" stroke-linecap="round"/>`+
		`<path d="M89 131q11 8 22 0" stroke="#a35a4a" stroke-width="3" fill="none" stroke-linecap="round"/>`+
		`</svg>`, f.paper, f.skin, f.shade, f.hair, f.cloth)
}

// writePeople puts the directory of the demonstration into a folder.
func writePeople(dir string, list []sample) (file, portraits string, err error) {
	portraits = filepath.Join(dir, "portraits")
	if err := os.MkdirAll(portraits, 0o700); err != nil {
		return "", "", err
	}
	rows := make([]directory.Record, len(list))
	for i, s := range list {
		rows[i] = s.record()
		picture := filepath.Join(portraits, s.Portrait)
		if err := os.WriteFile(picture, s.face.portrait(), 0o600); err != nil {
			return "", "", err
		}
	}
	var text bytes.Buffer
	if err := directory.Write(&text, rows); err != nil {
		return "", "", err
	}
	file = filepath.Join(dir, "people.csv")
	return file, portraits, os.WriteFile(file, text.Bytes(), 0o600)
}
