-- 0002 hub: sessions that ended lately are polled for, so that their sockets
-- close.

CREATE INDEX sessions_revoked ON sessions (revoked_at)
    WHERE revoked_at IS NOT NULL;
