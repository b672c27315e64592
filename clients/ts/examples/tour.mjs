/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

// A tour of the REST client: it lists the conversations, sends a message twice
// with one idempotency key, follows the cursor through that conversation, and
// changes a tag only as long as nobody else has.
//
//   node examples/tour.mjs https://inbox.example.com EMAIL PASSWORD

import { ApiError, createApi } from "@pytake/client/rest";

const MESSAGES = "/api/v1/conversations/{conversation_id}/messages";
const [baseUrl = "", email = "", password = ""] = process.argv.slice(2);
const login = await createApi({ baseUrl }).post("/api/v1/auth/login", {
  body: { email, password },
});
const api = createApi({ baseUrl, token: login.data.access_token });

const { data: newest } = await api.get("/api/v1/conversations", { query: { limit: 3 } });
for (const c of newest.data) {
  console.log("conversation", c.id, c.contact.name);
}

const path = { conversation_id: newest.data[0]?.id ?? "" };
const message = { path, body: { content: "Good morning" }, idempotencyKey: crypto.randomUUID() };
const sent = await api.post(MESSAGES, message);
const again = await api.post(MESSAGES, message);
console.log("sent", sent.data.id, again.data.id, again.replayed);

for await (const page of api.pages(MESSAGES, { path, query: { limit: 2 } })) {
  console.log("page", ...page.data.map((m) => m.id));
}

const tag = await api.post("/api/v1/tags", { body: { name: "VIP" } });
const unchanged = { path: { id: tag.data.id }, ifMatch: tag.etag ?? "" };
const now = await api.patch("/api/v1/tags/{id}", { ...unchanged, body: { color: "purple" } });
console.log("tag", tag.data.id, now.data.color, tag.etag, now.etag);

try {
  await api.patch("/api/v1/tags/{id}", { ...unchanged, body: { color: "red" } });
} catch (err) {
  if (!(err instanceof ApiError)) throw err;
  console.log("refused", err.status, err.code, err.requestId);
}
