/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The browser's storage, which may be full or forbidden: then things are kept
 * for this page alone.  No token ever comes here.
 */
const fallback = new Map<string, string>();

export function storable(): boolean {
  try {
    return localStorage !== null;
  } catch {
    return false;
  }
}

export function load(key: string): string | null {
  try {
    return localStorage.getItem(key) ?? fallback.get(key) ?? null;
  } catch {
    return fallback.get(key) ?? null;
  }
}

export function store(key: string, value: string | null): void {
  try {
    if (value === null) {
      localStorage.removeItem(key);
    } else {
      localStorage.setItem(key, value);
    }
    fallback.delete(key);
  } catch {
    if (value === null) {
      fallback.delete(key);
    } else {
      fallback.set(key, value);
    }
  }
}

/** The stored JSON value, or null when there is none or it is not of the shape. */
export function loadJson<T>(key: string, is: (value: unknown) => value is T): T | null {
  const text = load(key);

  if (text === null) {
    return null;
  }

  try {
    const value: unknown = JSON.parse(text);

    return is(value) ? value : null;
  } catch {
    return null;
  }
}

export function storeJson(key: string, value: unknown): void {
  store(key, JSON.stringify(value));
}
