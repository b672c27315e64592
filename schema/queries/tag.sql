-- Tags, with which a conversation can be marked.

-- fragment: tag
-- columns: id:uuid name:text color:text? description:text? created_at:time
-- columns: updated_at:time version:int
id, name, color, description, created_at, updated_at, version;

-- name: tag_list
-- params: below:uuid most:int q:text?
-- columns: @tag
SELECT @tag FROM tags
WHERE tenant_id = pytake_tenant() AND id < $below
  AND ($q::text IS NULL OR starts_with(lower(name), lower($q)))
ORDER BY id DESC LIMIT $most;

-- name: tag_get
-- params: id:uuid
-- columns: @tag
SELECT @tag FROM tags WHERE tenant_id = pytake_tenant() AND id = $id;

-- name: tag_create
-- params: new_id:uuid now:time name:text color:text? description:text?
-- columns: @tag
-- writes: tag created
-- refuses: 23505 name taken
INSERT INTO tags (tenant_id, id, name, color, description, created_at,
    updated_at)
VALUES (pytake_tenant(), $new_id, $name, $color, $description, $now, $now)
RETURNING @tag;

-- name: tag_patch
-- params: id:uuid now:time if_match:int?
-- columns: @tag
-- writes: tag updated
-- refuses: 23505 name taken
UPDATE tags SET @patch(name, color, description),
    updated_at = $now, version = version + 1
WHERE tenant_id = pytake_tenant() AND id = $id
  AND ($if_match::int4 IS NULL OR version = $if_match)
RETURNING @tag;

-- name: tag_delete
-- params: id:uuid if_match:int?
-- columns: @tag
-- writes: tag deleted
DELETE FROM tags
WHERE tenant_id = pytake_tenant() AND id = $id
  AND ($if_match::int4 IS NULL OR version = $if_match)
RETURNING @tag;
