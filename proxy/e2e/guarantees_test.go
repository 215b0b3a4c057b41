package e2e

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestGuaranteesAreShown: each test that docs/guarantees.md names is there.
func TestGuaranteesAreShown(t *testing.T) {
	const root = "../.."
	doc, err := os.ReadFile(root + "/docs/guarantees.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllSubmatch(doc, -1)
	if len(names) < 10 {
		t.Fatalf("only %d tests are named", len(names))
	}
	var tests strings.Builder
	err = fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			var b []byte
			b, err = os.ReadFile(root + "/" + path)
			tests.Write(b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.Contains(tests.String(), "func "+string(name[1])+"(t *testing.T)") {
			t.Errorf("%s is named, and is not there", name[1])
		}
	}
}
