package verifier

// turn shows the desk another certificate at the next try: one that has not got the bundle of this
// verifier yet lets in the one before it only.
func (f *follower) turn() {
	if len(f.former) == 0 {
		return
	}
	f.tries++
	f.wire.close()
	f.connect()
}
