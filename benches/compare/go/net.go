package main

// Servers for ../net.py: each prints "listening on ADDR" as its first line and runs until it is ended.

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
)

const (
	echoBuffer = 16 << 10
	hello      = "Hello, world!"
)

// serve runs the server that args ask for: serve-echo or serve-http, ADDR, and --workers W.
func serve(args []string) {
	if len(args) != 2 && !(len(args) == 4 && args[2] == "--workers") {
		fail(args[0] + " takes ADDR [--workers W]")
	}
	if len(args) == 4 {
		runtime.GOMAXPROCS(count(args[3]))
	}
	listener, err := net.Listen("tcp", args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("listening on", listener.Addr())
	if args[0] == "serve-echo" {
		err = serveEcho(listener)
	} else {
		err = http.Serve(listener, http.HandlerFunc(greet))
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func serveEcho(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go echo(conn)
	}
}

// echo reads and writes by itself: io.Copy would splice, which no peer does.
func echo(conn net.Conn) {
	defer conn.Close()
	buffer := make([]byte, echoBuffer)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		if _, err := conn.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func greet(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	io.WriteString(w, hello)
}
