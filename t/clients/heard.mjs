/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

// `node --import heard.mjs PROGRAM`: what the program's fetch() is answered is
// written to the file HEARD, an object a line, as t/lib/contract.py takes it.
import { appendFileSync } from "node:fs";

const ask = globalThis.fetch;

globalThis.fetch = async (input, init) => {
  const request = new Request(input, init);
  const { method, url } = request;
  const answer = await ask(request);
  const body = Buffer.from(await answer.clone().arrayBuffer());

  appendFileSync(
    process.env.HEARD,
    `${JSON.stringify({
      method,
      target: url,
      status: answer.status,
      headers: Object.fromEntries(answer.headers),
      body: body.toString("base64"),
    })}\n`,
  );
  return answer;
};
