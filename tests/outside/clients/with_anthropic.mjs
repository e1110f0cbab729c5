// The anthropic SDK. Key, base URL, proxy and trust come from the environment.
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic();
const question = {
  model: "claude-opus-5",
  max_tokens: 100,
  messages: [{ role: "user", content: "Hi" }],
};

async function show(asked) {
  const { data, response } = await asked.withResponse();
  console.log("x-understudy-target:", response.headers.get("x-understudy-target"));
  return data;
}

async function ask() {
  console.log("text", (await show(client.messages.create(question))).content[0].text);
}

await ask();
for await (const event of await show(client.messages.create({ ...question, stream: true }))) {
  if (event.type === "content_block_delta") console.log("word", event.delta.text);
}
await ask();
