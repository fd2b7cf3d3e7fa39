// Package mailbox reads requests that people mail to the desk (S53) and puts them into its queue.
//
// A message is taken once, by its place on the server and by its own name, and is marked as read
// only after the queue holds it durably. Whatever a message is made of, a bounded piece of plain
// text is all that gets in. The package believes nothing it reads, sender and date included, and
// decides nothing: an officer reads the request and fills in the form.
package mailbox
