// The OpenAI SDK for Node against a running mock: images, streams, edits, retries, typed errors, Azure.
//
// Usage: node openai_node.mjs http://127.0.0.1:9100

import assert from "node:assert/strict";
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import OpenAI, { AzureOpenAI, toFile } from "openai";

const url = process.argv[2];
const model = "gpt-image-2";
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-anything" });
const once = client.withOptions({ maxRetries: 0 });

const file = (image) => Buffer.from(image.b64_json, "base64");
const pngSize = (image) => [file(image).readUInt32BE(16), file(image).readUInt32BE(20)];

/** All events of a stream. */
async function collect(stream) {
  const events = [];
  for await (const event of await stream) events.push(event);
  return events;
}

/** Runs a function that must reject with this error and these members. */
async function rejects(kind, members, work) {
  const error = await work().then(
    () => assert.fail(`${kind.name} was not thrown`),
    (error) => error,
  );
  assert.ok(error instanceof kind, `${error.constructor.name} instead of ${kind.name}: ${error.message}`);
  for (const [name, value] of Object.entries(members)) assert.equal(error[name], value, name);
}

// Success, and what the SDK makes of it.
const answer = await client.images.generate({ model, prompt: "a fox", size: "1536x1024", n: 2 });
assert.deepEqual(answer.data.map(pngSize), [[1536, 1024], [1536, 1024]]);
assert.equal(answer.size, "1536x1024");
assert.ok(answer.usage.total_tokens > 0 && answer._request_id.startsWith("req_"));

// Streams.
const events = await collect(client.images.generate({ model, prompt: "a fox", stream: true, partial_images: 2 }));
const [partial, completed] = ["image_generation.partial_image", "image_generation.completed"];
assert.deepEqual(events.map((event) => event.type), [partial, partial, completed]);
assert.deepEqual(events.slice(0, 2).map((event) => event.partial_image_index), [0, 1]);

// Edits: a buffer, a list, and a file stream, which comes chunked and without a length.
const png = file(answer.data[0]);
const named = () => toFile(png, "a.png", { type: "image/png" });
const edited = await client.images.edit({ model, image: await named(), prompt: "make it blue" });
assert.equal(edited.usage.input_tokens_details.image_tokens, 1024);
const two = await client.images.edit({ model: "gpt-image-1", image: [await named(), await named()], prompt: "blue", n: 2 });
assert.equal(two.data.length, 2);
const folder = mkdtempSync(join(tmpdir(), "mock-"));
try {
  writeFileSync(join(folder, "a.png"), png);
  const image = createReadStream(join(folder, "a.png"));
  const streamed = await collect(client.images.edit({ model, image, prompt: "blue", stream: true, partial_images: 1 }));
  assert.deepEqual(streamed.map((event) => event.type), ["image_edit.partial_image", "image_edit.completed"]);
} finally {
  rmSync(folder, { recursive: true });
}

// The SDK's own retries get through, and they wait as they were told: half a second, by retry-after-ms.
const again = await client.images.generate({ model, prompt: "a fox [[mock:rate-limit;retry-after=0.5*2]]" });
assert.equal(again.data.length, 1);
const { findings } = await (await fetch(`${url}/_mock/verdict`)).json();
assert.deepEqual(findings, []);

// Typed errors.
for (const [directive, kind, status, code] of [
  ["rate-limit", OpenAI.RateLimitError, 429, "rate_limit_exceeded"],
  ["quota", OpenAI.RateLimitError, 429, "insufficient_quota"],
  ["moderation-blocked", OpenAI.BadRequestError, 400, "moderation_blocked"],
  ["server-error", OpenAI.InternalServerError, 500, null],
  ["invalid-key", OpenAI.AuthenticationError, 401, "invalid_api_key"],
]) {
  const prompt = `a fox [[mock:${directive}]]`;
  await rejects(kind, { status, code }, () => once.images.generate({ model, prompt }));
}
const refused = (body) => () => once.images.generate({ model, prompt: "x", ...body });
await rejects(OpenAI.BadRequestError, { param: "size", code: "invalid_value" }, refused({ size: "10x10" }));
await rejects(
  OpenAI.BadRequestError,
  { param: "response_format", code: "unknown_parameter" },
  refused({ response_format: "b64_json" }),
);
const stream = (directive) => () =>
  collect(once.images.generate({ model, prompt: `x [[mock:${directive}]]`, stream: true, partial_images: 2 }));
await rejects(OpenAI.APIError, {}, stream("stream-error"));
await assert.rejects(stream("stream-reset"));
await rejects(OpenAI.APIConnectionError, {}, () => once.images.generate({ model, prompt: "x [[mock:reset]]" }));
const impatient = once.withOptions({ timeout: 500 });
await rejects(OpenAI.APIConnectionTimeoutError, {}, () => impatient.images.generate({ model, prompt: "x [[mock:hang]]" }));

// Models.
const ids = [];
for await (const known of client.models.list()) ids.push(known.id);
assert.ok(ids.includes((await client.models.retrieve(model)).id));

// Azure: deployments in the path, `api-key`, other words for the same errors.
const azure = new AzureOpenAI({
  endpoint: url,
  apiKey: "azure-key",
  apiVersion: "2025-04-01-preview",
  deployment: "gpt-image-1",
  maxRetries: 0,
});
const pictures = await azure.images.generate({ model: "gpt-image-1", prompt: "a fox", size: "1024x1024" });
assert.deepEqual(pngSize(pictures.data[0]), [1024, 1024]);
const pieces = await collect(azure.images.generate({ model: "gpt-image-1", prompt: "a fox", stream: true, partial_images: 1 }));
assert.deepEqual(pieces.map((event) => event.type), [partial, completed]);
const blue = await azure.images.edit({ model: "gpt-image-1", image: await named(), prompt: "blue" });
assert.equal(blue.data.length, 1);
await rejects(OpenAI.RateLimitError, { status: 429 }, () =>
  azure.images.generate({ model: "gpt-image-1", prompt: "a fox [[mock:rate-limit]]" }),
);
const stranger = new AzureOpenAI({ endpoint: url, apiKey: "invalid", apiVersion: "2025-04-01-preview", maxRetries: 0 });
await rejects(OpenAI.AuthenticationError, { status: 401 }, () =>
  stranger.images.generate({ model: "gpt-image-1", prompt: "a fox" }),
);
const nowhere = new AzureOpenAI({ endpoint: url, apiKey: "k", apiVersion: "2025-04-01-preview", maxRetries: 0 });
await rejects(OpenAI.NotFoundError, { code: "DeploymentNotFound" }, () =>
  nowhere.images.generate({ model: "pictures", prompt: "a fox" }),
);

console.log("openai (Node): all good");
