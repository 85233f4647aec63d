package pack

import (
	"crypto/sha256"
	"fmt"
)

// Sum is a package and its hash.
type Sum struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Size   int    `json:"size"`
}

// Sums are those of packages, in their order.
func Sums(made []Made) []Sum {
	var list []Sum
	for _, m := range made {
		list = append(list, Sum{m.Name, fmt.Sprintf("%x", sha256.Sum256(m.Data)), len(m.Data)})
	}
	return list
}
