-- Only in builds with fault points.

-- How many rows of about 100 bytes.
-- name: test_rows
-- params: rows:int
-- columns: n:int filler:text
SELECT i AS n, repeat('x', 96) AS filler FROM generate_series(1, $rows) AS i;
