// Does what its event says, {"do": …}: the same in every language.
package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

const piece = 8 << 20

var (
	count int
	held  [][]byte
)

type event struct {
	Do      string          `json:"do"`
	Value   json.RawMessage `json:"value"`
	Names   []string        `json:"names"`
	Size    int             `json:"size"`
	Text    string          `json:"text"`
	Message string          `json:"message"`
	Level   string          `json:"level"`
	Ms      int             `json:"ms"`
	Mb      int             `json:"mb"`
	Status  int             `json:"status"`
	Lines   []string        `json:"lines"`
	Host    string          `json:"host"`
	Command string          `json:"command"`
	Pieces  []string        `json:"pieces"`
	Times   int             `json:"times"`
}

// NoSuchLuck is an error of the function's own.
type NoSuchLuck struct{ message string }

func (e NoSuchLuck) Error() string { return e.message }

func handle(ctx context.Context, e event) (any, error) {
	count++
	switch e.Do {
	case "echo":
		return e.Value, nil
	case "context":
		return tell(ctx)
	case "count":
		return count, nil
	case "environment":
		return environment(e.Names), nil
	case "big":
		return strings.Repeat("x", e.Size), nil
	case "size":
		return len(e.Text), nil
	case "fail":
		return nil, troublemaker(e.Message)
	case "custom":
		return nil, NoSuchLuck{e.Message}
	case "sleep":
		time.Sleep(time.Duration(e.Ms) * time.Millisecond)
		return "slept", nil
	case "allocate":
		return allocate(e.Mb), nil
	case "exit":
		os.Exit(e.Status)
	case "print":
		fmt.Println(strings.Join(e.Lines, "\n"))
		return "printed", nil
	case "unserializable":
		return make(chan int), nil
	case "files":
		return useFiles()
	case "clock":
		return tellTheTime(), nil
	case "text":
		return map[string]any{"encoding": "UTF-8", "length": utf8.RuneCountInString(e.Text)}, nil
	case "resolve":
		return resolve(ctx, e.Host), nil
	case "tls":
		return countAuthorities()
	case "child":
		return runChild(e.Command)
	case "sigterm":
		return sayGoodbyeOnSigterm(), nil
	case "layer":
		word, err := os.ReadFile("/opt/luck")
		return string(word), err
	case "stream":
		return stream(e.Pieces, e.Times), nil
	}
	return nil, errors.New("no such thing to do")
}

func tell(ctx context.Context) (any, error) {
	known, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	return map[string]any{
		"request_id":    known.AwsRequestID,
		"function_name": lambdacontext.FunctionName,
		"version":       lambdacontext.FunctionVersion,
		"arn":           known.InvokedFunctionArn,
		"memory":        lambdacontext.MemoryLimitInMB,
		"log_group":     lambdacontext.LogGroupName,
		"log_stream":    lambdacontext.LogStreamName,
		"remaining_ms":  time.Until(deadline).Milliseconds(),
	}, nil
}

func environment(names []string) map[string]any {
	found := map[string]any{}
	for _, name := range names {
		found[name] = nil
		if value, isSet := os.LookupEnv(name); isSet {
			found[name] = value
		}
	}
	return found
}

func troublemaker(message string) error { return errors.New(message) }

func allocate(mb int) string {
	for len(held)*piece < mb<<20 {
		block := make([]byte, piece)
		for i := 0; i < piece; i += 4096 {
			block[i] = 1
		}
		held = append(held, block)
	}
	return "held"
}

func useFiles() (any, error) {
	if err := os.WriteFile("/tmp/written", []byte("ë"), 0o600); err != nil {
		return nil, err
	}
	read, err := os.ReadFile("/tmp/written")
	refused := os.WriteFile(os.Getenv("LAMBDA_TASK_ROOT")+"/written", nil, 0o600)
	var number syscall.Errno
	errors.As(refused, &number)
	return map[string]any{"tmp": string(read) == "ë", "task": number.Error()}, err
}

func tellTheTime() any {
	zone, seconds := time.Now().Zone()
	return map[string]any{"zone": zone, "hour_offset": seconds / 60}
}

func resolve(ctx context.Context, host string) any {
	addresses, err := net.DefaultResolver.LookupIP(ctx, "ip4", host)
	if err != nil {
		return map[string]string{"error": fmt.Sprintf("%T", err)}
	}
	return addresses[0].String()
}

func countAuthorities() (any, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	return len(pool.Subjects()), nil //nolint:staticcheck // the system's own are what is asked for
}

func runChild(command string) (any, error) {
	if command == "" {
		command = "echo $NAME"
	}
	output, err := exec.Command("/bin/sh", "-c", command).Output()
	return strings.TrimSpace(string(output)), err
}

func sayGoodbyeOnSigterm() string {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		<-signals
		fmt.Println("goodbye")
		os.Exit(1)
	}()
	return "ready"
}

// A reader is sent as it is read.
func stream(pieces []string, times int) io.Reader {
	reader, writer := io.Pipe()
	go func() {
		defer writer.Close()
		for i := 0; i < times; i++ {
			io.WriteString(writer, strings.Join(pieces, ""))
		}
	}()
	return reader
}

func main() { lambda.Start(handle) }
