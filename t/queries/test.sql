-- Only in builds with fault points.

-- How many rows of about 100 bytes.
-- name: test_rows
-- params: int4
-- columns: n filler
SELECT i AS n, repeat('x', 96) AS filler FROM generate_series(1, $1) AS i;
