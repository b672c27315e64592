-- The hub, as pytake_service: no tenant is entered, each statement names it.

-- name: hub_head
-- params: uuid
-- columns: seq id
SELECT seq, id FROM tenant_event_head WHERE tenant_id = $1;

-- The newest events, at most $2 of them and $3 bytes.
-- name: hub_tail
-- params: uuid int8 int8
-- columns: seq id frame
SELECT t.seq, t.id, t.frame
FROM (SELECT l.seq, l.id, l.frame,
             sum(octet_length(l.frame)) OVER (ORDER BY l.seq DESC) AS bytes
      FROM event_log l
      WHERE l.tenant_id = $1
        AND l.seq > (SELECT h.seq - $2 FROM tenant_event_head h
                     WHERE h.tenant_id = $1)) t
WHERE t.bytes <= $3
ORDER BY t.seq;

-- name: hub_events
-- params: uuid int8 int8
-- columns: seq id frame
SELECT seq, id, frame FROM event_log
WHERE tenant_id = $1 AND seq >= $2 AND seq <= $3
ORDER BY seq;

-- Of the events $2 to $3 the newest from which on more than $4 bytes are
-- logged; 0: that much is not.
-- name: hub_reach
-- params: uuid int8 int8 int8
-- columns: seq
SELECT coalesce(max(t.seq), 0) AS seq
FROM (SELECT l.seq,
             sum(octet_length(l.frame)) OVER (ORDER BY l.seq DESC) AS bytes
      FROM event_log l
      WHERE l.tenant_id = $1 AND l.seq >= $2 AND l.seq <= $3) t
WHERE t.bytes > $4;

-- name: hub_heads
-- params: uuid[]
-- columns: tenant_id seq id
SELECT tenant_id, seq, id FROM tenant_event_head
WHERE tenant_id = ANY ($1);

-- $1: seconds back
-- name: hub_sessions_revoked
-- params: int4
-- columns: id tenant_id
SELECT id, tenant_id FROM sessions
WHERE revoked_at > now() - make_interval(secs => $1);

-- Which of these sessions live (n counts from 1), and their users' names
-- and roles.
-- name: hub_sessions
-- params: uuid[] uuid[] uuid[]
-- columns: n name role
SELECT q.n, u.name, u.role
FROM unnest($1, $2, $3) WITH ORDINALITY AS q (id, tenant_id, user_id, n)
JOIN sessions s ON s.id = q.id AND s.tenant_id = q.tenant_id
    AND s.user_id = q.user_id
JOIN users u ON u.tenant_id = q.tenant_id AND u.id = q.user_id
WHERE s.revoked_at IS NULL AND s.expires_at > now() AND u.active;
