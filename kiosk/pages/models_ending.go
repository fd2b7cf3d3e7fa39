package pages

// EndingView is a certificate that ends soon or has ended. What is a key of the tables ending and
// ended.
type EndingView struct {
	What, Date string
	Over       bool
}
