package variant_test

import (
	"fmt"

	"example.org/rtcpeer/rtcpeer/variant"
)

// A packet that a game sent with put_var({"name": "Ada", "at": Vector2(3, 4)}), and an answer that its
// get_var reads.
func Example() {
	packet, err := variant.Marshal(variant.Dictionary{
		{Key: "name", Value: "Ada"},
		{Key: "at", Value: variant.Vector2{X: 3, Y: 4}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	v, err := variant.Unmarshal(packet, variant.Limits{})
	if err != nil {
		fmt.Println(err) // a packet from a stranger may hold anything
		return
	}
	if d, ok := v.(variant.Dictionary); ok {
		name, _ := d.Get("name")
		at, _ := d.Get("at")
		fmt.Println(name, at)
	}

	answer, err := variant.Marshal(map[string]any{"hp": 10, "items": []string{"rope"}})
	fmt.Println(len(answer), err)

	_, err = variant.Unmarshal(answer[:20], variant.Limits{})
	fmt.Println(err)
	// Output:
	// Ada {3 4}
	// 64 <nil>
	// variant: decode Dictionary at byte 8: truncated
}

func ExampleEncoder() {
	at := variant.Vector2{X: 0.1, Y: 0.2}
	for _, double := range []bool{false, true} {
		packet, err := variant.Encoder{Double: double}.Append(nil, at)
		if err != nil {
			fmt.Println(err)
			return
		}
		v, err := variant.Unmarshal(packet, variant.Limits{})
		fmt.Println(len(packet), v, err)
	}
	// Output:
	// 12 {0.10000000149011612 0.20000000298023224} <nil>
	// 20 {0.1 0.2} <nil>
}
