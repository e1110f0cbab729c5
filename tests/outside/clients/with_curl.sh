# curl: it reads http_proxy (in small letters only), HTTPS_PROXY and CURL_CA_BUNDLE by itself.
set -e
api=${OPENAI_BASE_URL:-https://api.openai.com/v1}
chat='"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]'

ask() {
  curl -sS --fail --include --suppress-connect-headers --no-buffer --max-time 20 "$api/$1" \
    -H "Authorization: Bearer $OPENAI_API_KEY" -H "Content-Type: application/json" -d "$2"
  echo
}

ask chat/completions "{$chat}"
ask chat/completions "{$chat, \"stream\": true}"
ask embeddings '{"model": "text-embedding-3-small", "input": "Hi"}'
ask chat/completions "{$chat}"
