/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Two soft tones, made here so that no file is loaded.  Browsers let a page
 * sound only after a click or a key: before that nothing is heard.
 */

const TONES = [
  { at: 0, hz: 659.25 },
  { at: 0.11, hz: 880 },
];
const LENGTH_S = 0.22;
const VOLUME = 0.08;
/** A burst of messages is one sound. */
const EVERY_MS = 1500;

let context: AudioContext | null = null;
let last = 0;

export function playSound(): void {
  const now = Date.now();

  if (now - last < EVERY_MS || typeof AudioContext === "undefined") {
    return;
  }
  if (navigator.userActivation !== undefined && !navigator.userActivation.hasBeenActive) {
    return;
  }

  last = now;
  context ??= new AudioContext();
  void context.resume();

  for (const tone of TONES) {
    const start = context.currentTime + tone.at;
    const oscillator = context.createOscillator();
    const gain = context.createGain();

    oscillator.frequency.value = tone.hz;
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(VOLUME, start + 0.015);
    gain.gain.exponentialRampToValueAtTime(0.0001, start + LENGTH_S);
    oscillator.connect(gain).connect(context.destination);
    oscillator.start(start);
    oscillator.stop(start + LENGTH_S);
  }
}
