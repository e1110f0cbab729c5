// axios: it reads HTTP_PROXY and HTTPS_PROXY by itself, whatever Node does.
import axios from "axios";

const api = axios.create({
  baseURL: process.env.OPENAI_BASE_URL ?? "https://api.openai.com/v1",
  headers: { authorization: `Bearer ${process.env.OPENAI_API_KEY}` },
});
const chat = { model: "gpt-4o", messages: [{ role: "user", content: "Hi" }] };
const text = { model: "text-embedding-3-small", input: "Hi" };

async function ask(path, question, options) {
  const answer = await api.post(path, question, options);
  console.log("x-understudy-target:", answer.headers["x-understudy-target"]);
  return answer.data;
}

console.log(JSON.stringify(await ask("chat/completions", chat)));
const streamed = { responseType: "stream" };
for await (const piece of await ask("chat/completions", { ...chat, stream: true }, streamed))
  process.stdout.write(piece);
console.log(JSON.stringify(await ask("embeddings", text)));
console.log(JSON.stringify(await ask("chat/completions", chat)));
