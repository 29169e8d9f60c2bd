//! The bucket of files and its policies.

use super::Break;

pub const BREAKS: &[Break] = &[
    (
        "update storage.buckets set public = true where id = 'files'",
        "bucket files: public: yes (the migrations say: no)",
    ),
    ("delete from storage.buckets where id = 'files'", "bucket files is missing"),
    (
        "update storage.buckets set file_size_limit = 1024 where id = 'files'",
        "bucket files: file_size_limit: 1024",
    ),
    (
        "update storage.buckets set allowed_mime_types = '{image/png}' where id = 'files'",
        "bucket files: allowed_mime_types: [\"image/png\"]",
    ),
    (
        "drop policy files_objects_select on storage.objects",
        "policy files_objects_select on storage.objects is missing",
    ),
    (
        "alter policy files_objects_delete on storage.objects using (bucket_id = 'files')",
        "policy files_objects_delete on storage.objects: using: (bucket_id = 'files'::text)",
    ),
    (
        "create policy open on storage.objects for select using (true)",
        "policy open on storage.objects may open the bucket files",
    ),
    (
        "create policy mine on storage.objects for all to authenticated
           using (bucket_id = 'avatars' or (select auth.uid()) is not null)",
        "policy mine on storage.objects may open the bucket files",
    ),
    (
        "create policy shut on storage.objects as restrictive for all to authenticated
           using (bucket_id = 'avatars')",
        "policy shut on storage.objects keeps users from their files",
    ),
    (
        "create policy change on storage.buckets for update to authenticated using (true)",
        "policy change on storage.buckets may let users change the bucket files",
    ),
    (
        "alter table storage.objects disable row level security",
        "table storage.objects: row-level security: off",
    ),
    (
        "revoke insert on storage.objects from authenticated",
        "table storage.objects: authenticated may: delete, select, update",
    ),
];
