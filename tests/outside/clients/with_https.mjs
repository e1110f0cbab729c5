// Node's own http.request and https.request.
import http from "node:http";
import https from "node:https";

const api = process.env.OPENAI_BASE_URL ?? "https://api.openai.com/v1";
const { request } = api.startsWith("https:") ? https : http;
const headers = {
  authorization: `Bearer ${process.env.OPENAI_API_KEY}`,
  "content-type": "application/json",
};
const chat = { model: "gpt-4o", messages: [{ role: "user", content: "Hi" }] };
const text = { model: "text-embedding-3-small", input: "Hi" };

async function ask(path, question) {
  const answer = await new Promise((resolve, reject) => {
    const asked = request(`${api}/${path}`, { method: "POST", headers }, resolve);
    asked.on("error", reject).end(JSON.stringify(question));
  });
  if (answer.statusCode !== 200) throw new Error(`${answer.statusCode}`);
  console.log("x-understudy-target:", answer.headers["x-understudy-target"]);
  for await (const piece of answer) process.stdout.write(piece);
  console.log();
}

await ask("chat/completions", chat);
await ask("chat/completions", { ...chat, stream: true });
await ask("embeddings", text);
await ask("chat/completions", chat);
