package pipeline

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"dram/internal/config"
	"dram/internal/environ"
	"dram/internal/git"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/tool"
	"dram/internal/tool/tools"
	"dram/internal/version"
)

// read reads a project as settings have it, and gives these with what git says, where they
// ask for that.
func read(dir string, c config.Config) (tool.Project, config.Config, error) {
	c, err := withGit(dir, c)
	if err != nil {
		return nil, c, err
	}
	proj, err := tools.Read(dir, plan.Given(c))
	return proj, c, err
}

// withGit are settings by which the build is given what git says of the commit that is
// checked out, where that is asked for. What was set of these variables stays.
func withGit(dir string, c config.Config) (config.Config, error) {
	if !c.Git {
		return c, nil
	}
	values, err := gitValues(dir)
	if err != nil {
		return c, problem.New(problem.Usage, "build it from a checkout of git, or give the values by name: --build-env GIT_SHA=…",
			"build.git asks for what git says of %q: %w", dir, err)
	}
	c.BuildEnv = slices.Sorted(slices.Values(environ.Merge(values, c.BuildEnv)))
	return c, nil
}

// gitValues are the commit, when it was made, and the newest of its tags, if it has any.
func gitValues(dir string) ([]string, error) {
	c, err := git.Find(dir)
	if err != nil {
		return nil, err
	}
	head, err := c.Head()
	if err != nil {
		return nil, err
	}
	made, err := c.Time(head)
	if err != nil {
		return nil, err
	}
	tags, err := c.Tags(head)
	if err != nil {
		return nil, err
	}
	values := []string{"GIT_SHA=" + string(head), "SOURCE_DATE_EPOCH=" + strconv.FormatInt(made, 10)}
	if len(tags) > 0 {
		values = append(values, "GIT_TAG="+slices.MaxFunc(tags, byVersion))
	}
	return values, nil
}

// byVersion orders tags: those that are a version by that, after all others.
func byVersion(a, b string) int {
	v, verr := version.Parse(strings.TrimPrefix(a, "v"))
	w, werr := version.Parse(strings.TrimPrefix(b, "v"))
	switch {
	case verr == nil && werr == nil:
		return cmp.Or(v.Compare(w), cmp.Compare(a, b))
	case verr == nil:
		return 1
	case werr == nil:
		return -1
	}
	return cmp.Compare(a, b)
}
