// Command step is what the tests' steps run. Its arguments are operations, done
// in order: append:FILE:TEXT, copy:FILE:TO, link:TARGET:NAME, mkdir:DIR, print:TEXT, exit:CODE, hang, need:FILE, env:NAME.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	for _, arg := range os.Args[1:] {
		op, rest, _ := strings.Cut(arg, ":")
		if err := do(op, rest); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
}

func do(op, rest string) error {
	switch op {
	case "append":
		name, text, _ := strings.Cut(rest, ":")
		f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		if _, err := f.WriteString(text); err != nil {
			return err
		}
		return f.Close()
	case "copy":
		from, to, _ := strings.Cut(rest, ":")
		raw, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(to, raw, 0o644)
	case "link":
		target, name, _ := strings.Cut(rest, ":")
		if target, found := os.Readlink(name); found == nil && target != "" {
			return nil
		}
		return os.Symlink(target, name)
	case "mkdir":
		return os.MkdirAll(rest, 0o755)
	case "print":
		fmt.Println(rest)
	case "env":
		fmt.Println(os.Getenv(rest))
	case "need":
		_, err := os.Stat(rest)
		return err
	case "exit":
		code, err := strconv.Atoi(rest)
		if err != nil {
			return err
		}
		os.Exit(code)
	case "hang":
		time.Sleep(time.Hour)
	default:
		return fmt.Errorf("no operation %q", op)
	}
	return nil
}
