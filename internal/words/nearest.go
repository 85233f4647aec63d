package words

// Nearest is the word of list that somebody who typed name may have meant, ""
// if none is like it: one letter may be wrong, missing, too much or swapped with
// its neighbour, two in a name of seven letters or more.
func Nearest(name string, list []string) string {
	limit := 1
	if len(name) > 6 {
		limit = 2
	}
	best, found := limit+1, ""
	for _, w := range list {
		if d := distance(name, w); d < best {
			best, found = d, w
		}
	}
	return found
}

// distance counts the letters that were changed, added, left out or swapped with
// the next one between a and b.
func distance(a, b string) int {
	before, above := []int(nil), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			changed := above[j-1]
			if a[i-1] != b[j-1] {
				changed++
			}
			row[j] = min(changed, above[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above = above, row
	}
	return above[len(b)]
}
