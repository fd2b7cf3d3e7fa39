// Package pages is what the counter's screen looks like: templ components, the view models they
// take, the English catalogue, the stylesheet, the script, the icons and the drawings.
//
// It holds no decisions. A view model is plain text, numbers and switches, already formatted; a
// page turns it into HTML. The package refuses to know visits, rules, sessions and requests, and
// imports nothing of ours.
//
// Three rules hold for every page. Each act is a form posted to Frame.Post with a hidden op and a
// button named "do", so that everything works with scripts off. No page carries an inline script,
// an inline style or a style attribute, so that the strictest policy (see Policy) fits. No page ever
// holds a PIN, a passcode or a seed: the model of a keypad is how many keys were pressed.
package pages
