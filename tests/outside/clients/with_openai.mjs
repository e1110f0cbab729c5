// The openai SDK. Key, base URL, proxy and trust come from the environment.
import OpenAI from "openai";

const client = new OpenAI();
const chat = { model: "gpt-4o", messages: [{ role: "user", content: "Hi" }] };
const text = { model: "text-embedding-3-small", input: "Hi", encoding_format: "float" };

async function show(asked) {
  const { data, response } = await asked.withResponse();
  console.log("x-understudy-target:", response.headers.get("x-understudy-target"));
  return data;
}

async function ask() {
  const answer = await show(client.chat.completions.create(chat));
  console.log("text", answer.choices[0].message.content);
}

await ask();
for await (const event of await show(client.chat.completions.create({ ...chat, stream: true }))) {
  const word = event.choices[0]?.delta?.content;
  if (word) console.log("word", word);
}
console.log("vector", ...(await show(client.embeddings.create(text))).data[0].embedding);
await ask();
