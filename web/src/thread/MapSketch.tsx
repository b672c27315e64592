/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/** Streets and a pin: the sign of a place, not a map of it. */
export function MapSketch() {
  return (
    <svg
      viewBox="0 0 224 88"
      preserveAspectRatio="xMidYMid slice"
      aria-hidden="true"
      className="block h-[88px] w-full rounded-card"
    >
      <rect width="224" height="88" className="fill-quote-in" />
      <g className="fill-none stroke-card">
        <path d="M0 60 224 20M70 0l30 88M150 0l20 88" strokeWidth="9" />
        <path d="M0 84 90 66" strokeWidth="5" />
      </g>
      <rect x="112" y="52" width="36" height="24" rx="3" fill="var(--av-moss)" />
      <circle cx="124" cy="34" r="8" className="fill-accent" />
      <circle cx="124" cy="34" r="3" className="fill-on-accent" />
    </svg>
  );
}
