// Package printer puts a slip of a few lines on paper: on a receipt printer by ESC/POS, over a
// character device or TCP port 9100, or on any printer by IPP, through CUPS or directly.
//
// A slip is drawn here, as one picture, and a printer is only told which dots to burn. So every
// language looks the same on every printer: no code pages, no fonts that a printer may lack, and
// one layout for both protocols. The price is some 70 KB a slip.
//
// The package refuses to know what a slip is about, and it changes nothing but paper: whatever was
// issued stands, printed or not. A slip may carry passcodes. They leave their type only while the
// picture is made, the picture and the bytes made of it are wiped, and a job that did not come out
// is taken back from the printer: a code must not come out an hour later, to a stranger. There is
// no logger here.
package printer
