//go:build !unix

package daemon

// onResize does nothing: there is no signal for it.
func onResize(func()) (stop func()) { return func() {} }
