//go:build !unix

package publish

const noWait = 0
