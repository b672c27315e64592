// TAP, and waiting for what must come.

export class Tap {
  count = 0;
  failed = 0;
  began = Date.now();

  ok(good, name, detail) {
    this.count++;
    console.log(`${good ? "ok" : "not ok"} ${this.count} - ${name}`);
    if (!good) {
      this.failed++;
      if (detail !== undefined) {
        this.note(typeof detail === "string" ? detail : JSON.stringify(detail, null, 1));
      }
    }
    return good;
  }

  eq(got, want, name) {
    const same = JSON.stringify(got) === JSON.stringify(want);

    return this.ok(same, name, `got ${JSON.stringify(got)}, expected ${JSON.stringify(want)}`);
  }

  skip(name, why) {
    this.count++;
    console.log(`ok ${this.count} - ${name} # SKIP ${why}`);
  }

  note(text) {
    for (const line of String(text).split("\n").slice(0, 40)) {
      console.log(`#   ${line}`);
    }
  }

  head(text) {
    this.note(`${text} (${((Date.now() - this.began) / 1000).toFixed(1)} s)`);
  }

  /** That a locator is to be seen before the time is over. */
  async seen(locator, name, timeout = 30_000) {
    return this.state(locator, "visible", name, timeout);
  }

  async gone(locator, name, timeout = 30_000) {
    return this.state(locator, "hidden", name, timeout);
  }

  async state(locator, state, name, timeout) {
    try {
      await locator.first().waitFor({ state, timeout });
      return this.ok(true, name);
    } catch (err) {
      return this.ok(false, name, String(err.message).slice(0, 600));
    }
  }

  /** That `probe` gives something true before the time is over. */
  async comes(probe, name, timeout = 30_000) {
    const got = await until(probe, timeout);

    return this.ok(Boolean(got.good), name, `last: ${JSON.stringify(got.last)}`);
  }

  done() {
    console.log(`1..${this.count}`);
  }
}

/** Asks until the answer is true; { good, last }. */
export async function until(probe, timeout = 30_000) {
  const end = Date.now() + timeout;
  let last;

  for (;;) {
    last = await probe();
    if (last) {
      return { good: true, last };
    }
    if (Date.now() > end) {
      return { good: false, last };
    }
    await new Promise((done) => setTimeout(done, 25));
  }
}
