// The undici package: its agent for proxy variables is used when a program says so.
import { EnvHttpProxyAgent, request, setGlobalDispatcher } from "undici";

if (process.argv.includes("--env-proxy")) setGlobalDispatcher(new EnvHttpProxyAgent());

const api = process.env.OPENAI_BASE_URL ?? "https://api.openai.com/v1";
const headers = {
  authorization: `Bearer ${process.env.OPENAI_API_KEY}`,
  "content-type": "application/json",
};
const chat = { model: "gpt-4o", messages: [{ role: "user", content: "Hi" }] };
const text = { model: "text-embedding-3-small", input: "Hi" };

async function ask(path, question) {
  const body = JSON.stringify(question);
  const answer = await request(`${api}/${path}`, { method: "POST", headers, body });
  if (answer.statusCode !== 200) throw new Error(`${answer.statusCode}`);
  console.log("x-understudy-target:", answer.headers["x-understudy-target"]);
  for await (const piece of answer.body) process.stdout.write(piece);
  console.log();
}

await ask("chat/completions", chat);
await ask("chat/completions", { ...chat, stream: true });
await ask("embeddings", text);
await ask("chat/completions", chat);
