/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useSyncExternalStore } from "react";
import type { User } from "@/api/types";
import { getSession, type SessionState, subscribeSession } from "./session";

const STARTING: SessionState = { name: "starting", waiting: false };

export function useSession(): SessionState {
  return useSyncExternalStore(subscribeSession, getSession, () => STARTING);
}

/** The person at this screen; only below a signed-in screen. */
export function useMe(): User {
  const state = useSession();

  if (!("user" in state)) {
    throw new Error("useMe needs somebody who is signed in");
  }

  return state.user;
}

/** Who looks after what all work with: tags, quick replies; the server asks again. */
export function mayKeep(user: User): boolean {
  return user.role === "owner" || user.role === "admin" || user.role === "supervisor";
}

/** Who may write to customers and change conversations; the server asks again. */
export function mayWrite(user: User): boolean {
  return user.role !== "viewer";
}
