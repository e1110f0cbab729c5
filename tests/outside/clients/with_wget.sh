# wget: it reads http_proxy and https_proxy, and ca_certificate in its .wgetrc.
set -e
api=${OPENAI_BASE_URL:-https://api.openai.com/v1}
chat='"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]'

ask() {
  wget --quiet --server-response --output-document=- --tries=1 --timeout=20 "$api/$1" \
    --header="Authorization: Bearer $OPENAI_API_KEY" --header="Content-Type: application/json" \
    --post-data="$2" 2>&1
  echo
}

ask chat/completions "{$chat}"
ask chat/completions "{$chat, \"stream\": true}"
ask embeddings '{"model": "text-embedding-3-small", "input": "Hi"}'
ask chat/completions "{$chat}"
