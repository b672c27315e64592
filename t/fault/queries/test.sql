-- Only in builds with fault points: rows of about 100 bytes each.

-- name: test_rows
-- params: int4
-- columns: n filler
SELECT g::int8 AS n, repeat('x', 92) AS filler FROM generate_series(1, $1) g;
