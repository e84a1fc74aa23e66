// Command linked is a small program with another module in it.
package main

import (
	"fmt"

	"golang.org/x/time/rate"
)

func main() { fmt.Println(rate.Inf) }
