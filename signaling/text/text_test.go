package text_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/text"
)

func TestShorten(t *testing.T) {
	for _, row := range []struct {
		text string
		most int
		want string
	}{
		{"", 3, ""},
		{"abc", 3, "abc"},
		{"abcd", 3, "..."},
		{"abcdefgh", 8, "abcdefgh"},
		{"abcdefghi", 8, "abcde..."},
		{"ééééé", 8, "éé..."}, // the third would be cut in half
		{"a\xff", 8, "a\ufffd"},
		{"\xff\xff\xff", 8, "\ufffd"},        // one for the row of them
		{"\xffa\xffb\xffc", 8, "\ufffda..."}, // longer as UTF-8
	} {
		require.Equal(t, row.want, text.Shorten(row.text, row.most), "%q", row.text)
	}
}

func TestJSON(t *testing.T) {
	got, err := text.JSON(map[string]string{"a": "<&>"})
	require.NoError(t, err)
	require.Equal(t, `{"a":"<&>"}`, string(got))
	_, err = text.JSON(func() {})
	require.Error(t, err)
}
