// Go's net/http: it reads HTTP_PROXY, HTTPS_PROXY and SSL_CERT_FILE by itself.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
)

const chat = `"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]`

func ask(path, question string) {
	api := os.Getenv("OPENAI_BASE_URL")
	if api == "" {
		api = "https://api.openai.com/v1"
	}
	request, err := http.NewRequest("POST", api+"/"+path, strings.NewReader(question))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("OPENAI_API_KEY"))
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != 200 {
		log.Fatal(answer.Status)
	}
	fmt.Println("x-understudy-target:", answer.Header.Get("x-understudy-target"))
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		fmt.Println(lines.Text())
	}
}

func main() {
	ask("chat/completions", `{`+chat+`}`)
	ask("chat/completions", `{`+chat+`, "stream": true}`)
	ask("embeddings", `{"model": "text-embedding-3-small", "input": "Hi"}`)
	ask("chat/completions", `{`+chat+`}`)
}
