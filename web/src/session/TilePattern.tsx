/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* Azulejos: three tiles of 160, laid so that no two neighbours are alike. */

const ROWS = 7;
const COLUMNS = 4;
const SIDE = 160;
const EVEN = ["a", "b", "c", "b"] as const;
const ODD = ["b", "a", "b", "a"] as const;

const QUARTERS = [0, 90, 180, 270];

function Petals({ fill, d }: { fill: string; d: string }) {
  return QUARTERS.map((turn) => (
    <path key={turn} d={d} fill={fill} transform={`rotate(${turn} 80 80)`} />
  ));
}

function TileA() {
  return (
    <g id="az-a">
      <rect width="160" height="160" fill="var(--tile-2)" />
      <Petals fill="var(--tile-4)" d="M80 80C124 80 152 108 152 152C108 152 80 124 80 80z" />
      <circle cx="80" cy="80" r="14" fill="var(--tile-2)" />
      <circle cx="80" cy="80" r="6" fill="var(--tile-4)" />
    </g>
  );
}

function TileB() {
  return (
    <g id="az-b">
      <rect width="160" height="160" fill="var(--tile-1)" />
      <Petals fill="var(--tile-3)" d="M0 0h80a80 80 0 0 1-80 80z" />
      <Petals fill="var(--tile-1)" d="M0 0h52a52 52 0 0 1-52 52z" />
      <Petals fill="var(--tile-4)" d="M0 0h24a24 24 0 0 1-24 24z" />
      <path d="M80 56l24 24-24 24-24-24z" fill="var(--tile-4)" />
    </g>
  );
}

function TileC() {
  return (
    <g id="az-c">
      <rect width="160" height="160" fill="var(--tile-4)" />
      <Petals fill="var(--tile-1)" d="M0 0h24a24 24 0 0 1-24 24z" />
      <circle cx="80" cy="80" r="60" fill="var(--tile-3)" />
      <circle cx="80" cy="80" r="44" fill="var(--tile-4)" />
      <Petals fill="var(--tile-1)" d="M80 80C98 80 109 91 109 109C91 109 80 98 80 80z" />
    </g>
  );
}

const tiles = Array.from({ length: ROWS * COLUMNS }, (_, i) => {
  const row = Math.floor(i / COLUMNS);
  const column = i % COLUMNS;
  const kind = (row % 2 === 0 ? EVEN : ODD)[column];

  return { id: `${column}-${row}`, kind, x: column * SIDE, y: row * SIDE };
});

/** The one ornament of the house; it means nothing and is hidden from readers. */
export function TilePattern() {
  return (
    <svg
      viewBox={`0 0 ${COLUMNS * SIDE} ${ROWS * SIDE - 80}`}
      preserveAspectRatio="xMinYMin slice"
      aria-hidden="true"
      className="absolute inset-0 h-full w-[640px]"
    >
      <defs>
        <TileA />
        <TileB />
        <TileC />
      </defs>
      {tiles.map((tile) => (
        <use key={tile.id} href={`#az-${tile.kind}`} x={tile.x} y={tile.y} />
      ))}
    </svg>
  );
}
