// The least that a function can do, with AWS's own client. The count tells a cold invocation, 1,
// from a warm one.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

type answer struct {
	Count int `json:"count"`
}

var count = 0

func handle(context.Context, any) (answer, error) {
	count++
	return answer{count}, nil
}

func main() {
	lambda.Start(handle)
}
