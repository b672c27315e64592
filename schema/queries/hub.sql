-- The hub's statements.  They run as pytake_service and enter no tenant, so
-- each names its tenant.

-- name: hub_head
-- params: tenant_id:uuid
-- columns: seq:big id:uuid?
SELECT seq, id FROM tenant_event_head WHERE tenant_id = $tenant_id;

-- Reads the newest events, at most $most of them and at most $bytes_max bytes.
-- name: hub_tail
-- params: tenant_id:uuid most:big bytes_max:big
-- columns: seq:big id:uuid frame:text
SELECT t.seq, t.id, t.frame
FROM (SELECT l.seq, l.id, l.frame,
             sum(octet_length(l.frame)) OVER (ORDER BY l.seq DESC) AS bytes
      FROM event_log l
      WHERE l.tenant_id = $tenant_id
        AND l.seq > (SELECT h.seq - $most FROM tenant_event_head h
                     WHERE h.tenant_id = $tenant_id)) t
WHERE t.bytes <= $bytes_max
ORDER BY t.seq;

-- name: hub_events
-- params: tenant_id:uuid first:big last:big
-- columns: seq:big id:uuid frame:text
SELECT seq, id, frame FROM event_log
WHERE tenant_id = $tenant_id AND seq >= $first AND seq <= $last
ORDER BY seq;

-- Finds, among the events $first to $last, the newest one from which on more
-- than $bytes_max bytes are logged; 0: there are fewer bytes.
-- name: hub_reach
-- params: tenant_id:uuid first:big last:big bytes_max:big
-- columns: seq:big
SELECT coalesce(max(t.seq), 0) AS seq
FROM (SELECT l.seq,
             sum(octet_length(l.frame)) OVER (ORDER BY l.seq DESC) AS bytes
      FROM event_log l
      WHERE l.tenant_id = $tenant_id AND l.seq >= $first AND l.seq <= $last) t
WHERE t.bytes > $bytes_max;

-- name: hub_heads
-- params: tenants:uuid[]
-- columns: tenant_id:uuid seq:big id:uuid?
SELECT tenant_id, seq, id FROM tenant_event_head
WHERE tenant_id = ANY ($tenants);

-- name: hub_sessions_revoked
-- params: seconds:int
-- columns: id:uuid tenant_id:uuid
SELECT id, tenant_id FROM sessions
WHERE revoked_at > now() - make_interval(secs => $seconds);

-- Says which of these sessions live (n counts from 1), with the names and
-- roles of their users.
-- name: hub_sessions
-- params: ids:uuid[] tenants:uuid[] users:uuid[]
-- columns: n:big name:text role:text
SELECT q.n, u.name, u.role
FROM unnest($ids, $tenants, $users)
    WITH ORDINALITY AS q (id, tenant_id, user_id, n)
JOIN sessions s ON s.id = q.id AND s.tenant_id = q.tenant_id
    AND s.user_id = q.user_id
JOIN users u ON u.tenant_id = q.tenant_id AND u.id = q.user_id
WHERE s.revoked_at IS NULL AND s.expires_at > now() AND u.active;
