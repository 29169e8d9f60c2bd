//! What must hold for every table and function, those to come included.

use super::{Database, database};

const VIEWS: &str = "
    create temp view tables as
      select oid, relname::text as name, relrowsecurity from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f');
    create temp view functions as
      select oid, pronamespace, prorettype, prosecdef, prosqlbody, proconfig,
          oid::regprocedure::text as name
        from pg_proc
        where pronamespace in ('public'::regnamespace, 'private'::regnamespace);
    create temp view policies as
      select *, tablename || ' ' || cmd as name from pg_policies
        where schemaname = 'public' and policyname <> tablename || '_account';
    create temp view columns as
      select attrelid, attnum, attname, atttypid, attnotnull, t.name || '.' || attname as name
        from tables t join pg_attribute a on a.attrelid = t.oid
        where a.attnum > 0 and not a.attisdropped;
";

struct Catalog(Database);

async fn catalog() -> Option<Catalog> {
    let db = database().await?;
    db.admin.batch_execute(VIEWS).await.unwrap();
    Some(Catalog(db))
}

impl Catalog {
    /// Fails with the names that there should not be.
    async fn no(&self, what: &str, sql: &str) {
        assert_eq!(self.0.strings(sql).await, Vec::<String>::new(), "{what}");
    }
}

#[tokio::test]
async fn tables_are_guarded() {
    let Some(catalog) = catalog().await else { return };
    let tables = catalog.0.strings("select name from tables").await;
    assert!(tables.len() >= 4, "{tables:?}");
    catalog
        .no("table without row-level security", "select name from tables where not relrowsecurity")
        .await;
    catalog
        .no(
            "privilege of anon",
            "select name || ' ' || privilege from tables cross join \
               unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'trigger']) privilege \
             where has_table_privilege('anon', oid, privilege)",
        )
        .await;
    catalog
        .no(
            "privilege of anon on a column",
            "select name || ' ' || privilege from tables cross join \
               unnest(array['select', 'insert', 'update', 'references']) privilege \
             where has_any_column_privilege('anon', oid, privilege)",
        )
        .await;
    catalog
        .no(
            "privilege that no request needs",
            "select name || ' ' || privilege from tables cross join \
               unnest(array['truncate', 'references', 'trigger']) privilege \
             where has_table_privilege('authenticated', oid, privilege)",
        )
        .await;
    catalog
        .no(
            "table that the service key does not reach",
            "select name from tables cross join \
               unnest(array['select', 'insert', 'update', 'delete']) privilege \
             where not has_table_privilege('service_role', oid, privilege)",
        )
        .await;
}

#[tokio::test]
async fn there_is_one_policy_per_command() {
    let Some(catalog) = catalog().await else { return };
    catalog
        .no(
            "policy that is not for one command of signed-in users",
            "select name from policies where cmd = 'ALL' or roles <> '{authenticated}' \
               or permissive <> 'PERMISSIVE'",
        )
        .await;
    catalog
        .no("second policy", "select name from policies group by name having count(*) > 1")
        .await;
    // Asked once per statement, not once per row.
    catalog
        .no(
            "auth.uid() outside of a subselect",
            "select name from policies where regexp_replace(concat(qual, with_check), \
               'SELECT auth\\.uid\\(\\)', '', 'g') ~ 'auth\\.|current_setting'",
        )
        .await;
    catalog
        .no(
            "policy that does not ask for the user",
            "select name from policies cross join unnest(array[qual, with_check]) condition \
             where condition is not null and condition !~ '\\( SELECT auth\\.uid\\(\\) AS uid\\)'",
        )
        .await;
    catalog
        .no(
            "update without a condition for the new row",
            "select name from policies where cmd = 'UPDATE' and (qual is null or with_check is null)",
        )
        .await;
    catalog
        .no(
            "grant without a policy, or policy without a grant",
            "select t.name || ' ' || command from tables t cross join \
               unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) command \
             where (has_table_privilege('authenticated', t.oid, command) \
                 or command <> 'DELETE' and has_any_column_privilege('authenticated', t.oid, command)) \
               <> exists (select 1 from policies p where p.name = t.name || ' ' || command)",
        )
        .await;
}

#[tokio::test]
async fn accounts_that_were_deleted_reach_no_table() {
    let Some(catalog) = catalog().await else { return };
    catalog
        .no(
            "table without a policy about the account",
            "select name from tables t where not exists (select 1 from pg_policies p \
               where p.schemaname = 'public' and p.tablename = t.name \
                 and p.policyname = t.name || '_account' and p.permissive = 'RESTRICTIVE' \
                 and p.cmd = 'ALL' and p.roles = '{authenticated}' and p.with_check is null \
                 and p.qual = '(( SELECT private.current_account() AS current_account) = user_id)')",
        )
        .await;
}

#[tokio::test]
async fn columns_are_bounded_and_keys_indexed() {
    let Some(catalog) = catalog().await else { return };
    catalog
        .no(
            "text or JSON without a limit",
            "select name from columns a \
             where atttypid in ('text'::regtype, 'jsonb'::regtype, 'numeric'::regtype) \
               and not exists (select 1 from pg_constraint c where c.conrelid = a.attrelid \
                 and c.contype = 'c' and a.attnum = any (c.conkey))",
        )
        .await;
    catalog
        .no(
            "user_id that is not the caller's by default",
            "select name from columns a left join pg_attrdef d \
               on d.adrelid = a.attrelid and d.adnum = a.attnum \
             where attname = 'user_id' and (not attnotnull \
               or pg_get_expr(d.adbin, d.adrelid) is distinct from 'auth.uid()')",
        )
        .await;
    catalog
        .no(
            "table of nobody's rows",
            "select name from tables t where not exists (select 1 from columns a \
               where a.attrelid = t.oid and a.attname = 'user_id')",
        )
        .await;
    catalog
        .no(
            "foreign key without an index",
            "select conname::text from pg_constraint c join tables t on t.oid = c.conrelid \
             where contype = 'f' and not exists (select 1 from pg_index i \
               where i.indrelid = c.conrelid and i.indkey[0] = any (c.conkey) \
                 and i.indpred is null)",
        )
        .await;
}

#[tokio::test]
async fn functions_are_for_signed_in_users() {
    let Some(catalog) = catalog().await else { return };
    let functions = catalog.0.strings("select name from functions").await;
    assert!(functions.len() >= 10, "{functions:?}");
    catalog
        .no(
            "function of everybody's",
            "select name from functions where has_function_privilege('anon', oid, 'execute')",
        )
        .await;
    catalog
        .no(
            "public function that the service key cannot call",
            "select name from functions where pronamespace = 'public'::regnamespace \
               and prorettype <> 'trigger'::regtype and not has_function_privilege('service_role', oid, 'execute')",
        )
        .await;
    catalog
        .no(
            "function with its owner's rights in reach of the API",
            "select name from functions where prosecdef and pronamespace = 'public'::regnamespace",
        )
        .await;
    catalog
        .no(
            "function that finds names by the caller's search_path",
            "select name from functions where prosqlbody is null \
               and not coalesce(proconfig, '{}') @> array['search_path=\"\"']",
        )
        .await;
    catalog
        .no(
            "schema of anon's",
            "select nspname::text from pg_namespace where nspname = 'private' and \
               (has_schema_privilege('anon', oid, 'usage') \
                 or has_schema_privilege('authenticated', oid, 'create'))",
        )
        .await;
}

#[tokio::test]
async fn chats_and_messages_are_in_realtime() {
    let Some(catalog) = catalog().await else { return };
    let published = "select tablename::text from pg_publication_tables \
                     where pubname = 'supabase_realtime' order by 1";
    assert_eq!(catalog.0.strings(published).await, ["chats", "messages"]);
}
