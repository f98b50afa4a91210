package signalclient_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalclient"
	"example.org/rtcpeer/signaling/signalserver"
)

func Example() {
	server, _ := signalserver.New(signalserver.Config{})
	listener := httptest.NewServer(server)
	defer listener.Close()
	defer server.Shutdown(context.Background())

	ctx := context.Background()
	client, err := signalclient.Dial(ctx, listener.URL+"/lobby", signaling.Join{}, signalclient.Config{})
	if err != nil {
		fmt.Println(err, "- try again:", signalclient.Retry(err))
		return
	}
	defer client.Close()
	m, err := client.Receive(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	if w, ok := m.(signaling.Welcome); ok {
		fmt.Printf("member %d of %s\n", w.ID, w.Room)
	}
	// Output: member 1 of lobby
}
