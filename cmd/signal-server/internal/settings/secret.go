package settings

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// A Secret is given as itself or as @FILE, the name of a file that contains it. Space around the secret is
// removed, because editors and echo add a newline.
type Secret string

// ByteOrderMark is how editors of Windows begin a file.
const ByteOrderMark = "\ufeff"

// maxSecret is the largest size of the file, in bytes.
const maxSecret = 4 << 10

// Decode parses a secret, for kong. It takes over a secret that the Loader has already read. Its errors do not
// show the secret.
func (s *Secret) Decode(c *kong.DecodeContext) error {
	token, err := c.Scan.PopValue("secret")
	if err != nil {
		return err
	}
	if known, is := token.Value.(Secret); is {
		*s = known
		return nil
	}
	value := strings.TrimSpace(token.String())
	if value == "" && token.String() != "" {
		return errors.New("blank: want a secret")
	}
	if name, isFile := strings.CutPrefix(value, "@"); isFile {
		content, err := readSecret(name)
		if err != nil {
			return err
		}
		value = content
	}
	if isFile := strings.HasPrefix(value, "/"); isFile && exists(value) {
		return errors.New("the value is the name of a file: want the secret itself, or @ followed by the name")
	}
	if strings.ContainsAny(value, "\r\n\x00") {
		return errors.New("the secret has several lines: want one line")
	}
	*s = Secret(value)
	return nil
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func readSecret(name string) (string, error) {
	if name == "" {
		return "", errors.New("want the name of a file after @")
	}
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return "", err
	}
	value := strings.TrimSpace(strings.TrimPrefix(string(content), ByteOrderMark))
	switch {
	case len(content) > maxSecret:
		return "", fmt.Errorf("%s: longer than %d bytes: want a file that contains only the secret", name, maxSecret)
	case value == "":
		return "", fmt.Errorf("%s: empty: want a file that contains the secret", name)
	}
	return value, nil
}
