/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { describe, expect, it } from "vitest";
import { changedFields, differing, faultsOf, rebased, TryKey } from "./form";

const BEFORE = { name: "VIP", color: "red", buttons: [{ id: "1", title: "Sim" }] };

describe("changedFields", () => {
  it("has what differs, lists by their content", () => {
    const now = { ...BEFORE, color: "blue", buttons: [{ id: "1", title: "Sim" }] };

    expect(changedFields(now, BEFORE)).toEqual({ color: "blue" });
    expect(differing(now, BEFORE)).toEqual(["color"]);
    expect(changedFields(BEFORE, BEFORE)).toEqual({});
  });
});

describe("rebased", () => {
  it("keeps what was changed here, and takes what was not", () => {
    const mine = { ...BEFORE, name: "VIP ouro" };
    const newest = { ...BEFORE, name: "VIP!", color: "blue" };

    expect(rebased(mine, BEFORE, newest)).toEqual({ ...newest, name: "VIP ouro" });
  });
});

describe("faultsOf", () => {
  const problem = {
    type: "",
    title: "",
    status: 422,
    detail: "",
    code: "validation_failed",
    request_id: "",
  };

  it("has a code for each field, the first of several", () => {
    const errors = [
      { field: "name", code: "taken", message: "" },
      { field: "name", code: "too_long", message: "" },
      { field: "buttons[1].title", code: "required", message: "" },
    ];

    expect(faultsOf({ ...problem, errors })).toEqual({
      name: "taken",
      "buttons[1].title": "required",
    });
    expect(faultsOf(problem)).toBeNull();
    expect(faultsOf(null)).toBeNull();
  });
});

describe("TryKey", () => {
  it("is another one for another body", () => {
    let n = 0;
    const key = new TryKey(() => String(++n));

    expect(key.of({ a: 1 })).toBe("1");
    expect(key.of({ a: 1 })).toBe("1");
    expect(key.of({ a: 2 })).toBe("2");
  });
});
