package oci

var ParseSaved = parseSaved

// JoinTags reads pages of tags.
func JoinTags(pages [][]string, next []string) ([]string, error) {
	var l tagList
	for i, page := range pages {
		if err := l.add(page, next[i]); err != nil {
			return nil, err
		}
	}
	return l.tags, nil
}
