// The Google Gen AI SDK for JavaScript against a running mock: images, edits, chats, streams, typed errors; the
// Gemini API, Vertex AI by a file that names its token server, and express mode.
//
// Usage: node google_genai_node.mjs http://127.0.0.1:9100

import assert from "node:assert/strict";
import { ApiError, GoogleGenAI } from "@google/genai";

const url = process.argv[2];
const FLASH = "gemini-2.5-flash-image";
const PRO = "gemini-3-pro-image-preview";
const httpOptions = { baseUrl: url };

/** The images of an answer or of one of its chunks. */
const images = (answer) =>
  (answer.candidates?.[0]?.content?.parts ?? []).flatMap((part) => (part.inlineData ? [part.inlineData] : []));

/** All images of a stream. */
const streamed = async (chunks) => {
  const found = [];
  for await (const chunk of chunks) found.push(...images(chunk));
  return found;
};

const refused = (status, call) =>
  assert.rejects(call, (error) => error instanceof ApiError && error.status === status);

const successAndStream = async (ai) => {
  const answer = await ai.models.generateContent({
    model: FLASH,
    contents: "a fox",
    config: { responseModalities: ["IMAGE"] },
  });
  assert.deepEqual(images(answer).map((image) => image.mimeType), ["image/png"]);
  assert.equal(answer.usageMetadata.candidatesTokensDetails[0].tokenCount, 1290);
  const config = { imageConfig: { aspectRatio: "16:9", imageSize: "1K" } };
  const chunks = await ai.models.generateContentStream({ model: PRO, contents: "a fox", config });
  assert.deepEqual((await streamed(chunks)).map((image) => image.mimeType), ["image/jpeg"]);
};

const edit = async (ai) => {
  const [inlineData] = images(await ai.models.generateContent({ model: FLASH, contents: "a fox" }));
  const contents = [{ role: "user", parts: [{ inlineData }, { text: "make it blue" }] }];
  assert.equal(images(await ai.models.generateContent({ model: FLASH, contents })).length, 1);
};

// The second turn carries the image and the signature of the first.
const chat = async (ai) => {
  const chat = ai.chats.create({ model: PRO });
  for (const message of ["a fox", "make it blue"]) {
    const answer = await chat.sendMessage({ message });
    assert.equal(images(answer).length, 1);
    assert.ok(answer.candidates[0].content.parts.every((part) => part.thoughtSignature));
  }
};

const refusals = async (ai) => {
  const ask = (directive) => ({ model: FLASH, contents: `a fox [[mock:${directive}]]` });
  const blocked = await ai.models.generateContent(ask("moderation-blocked"));
  assert.equal(blocked.promptFeedback.blockReason, "PROHIBITED_CONTENT");
  const withheld = await ai.models.generateContent(ask("output-blocked"));
  assert.equal(withheld.candidates[0].finishReason, "IMAGE_SAFETY");
  for (const [condition, status] of [["rate-limit", 429], ["server-error", 500], ["overloaded", 503]]) {
    await refused(status, () => ai.models.generateContent(ask(condition)));
    await refused(status, async () => streamed(await ai.models.generateContentStream(ask(condition))));
  }
  // Its status is read only where nothing else arrived together with the error, which is chance.
  await assert.rejects(async () => streamed(await ai.models.generateContentStream(ask("stream-error=overloaded"))));
  await refused(404, () => ai.models.generateContent({ model: "gemini-9", contents: "a fox" }));
};

const everything = async (ai) => {
  for (const check of [successAndStream, edit, chat, refusals]) await check(ai);
};

await everything(new GoogleGenAI({ apiKey: "anything", httpOptions }));
await everything(new GoogleGenAI({ apiKey: "anything", apiVersion: "v1beta", httpOptions }));
const wrong = new GoogleGenAI({ apiKey: "invalid", httpOptions });
await refused(400, () => wrong.models.generateContent({ model: FLASH, contents: "a fox" }));

// Node's library takes no token address from a service account, but from this kind of file.
const credentials = {
  type: "external_account_authorized_user",
  audience: "//iam.googleapis.com/locations/global/workforcePools/p/providers/p",
  client_id: "client",
  client_secret: "secret",
  refresh_token: "refresh",
  token_url: `${url}/token`,
};
const place = { project: "p1", location: "global" };
await everything(
  new GoogleGenAI({ vertexai: true, ...place, googleAuthOptions: { credentials }, httpOptions }),
);
await everything(new GoogleGenAI({ vertexai: true, apiKey: "anything", httpOptions }));
console.log("@google/genai (Node): all good");
