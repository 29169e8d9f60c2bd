//! What is around the tables: settings of roles, publications, and objects of others that reach them.

use super::Aspects;
use super::difference::Difference;

/// The rows that a page needs, which PostgREST may not cut.
const PAGE: u64 = 201;
/// Writing an answer and reading a month of usage take less.
const LEAST_TIMEOUT_MS: u64 = 2000;
/// The roles that PostgREST takes for requests.
const ROLES: [&str; 3] = ["anon", "authenticated", "service_role"];

/// What is wrong with an object of `describe_environment`, or worth a word.
pub(super) fn difference(name: &str, aspects: &Aspects) -> Option<Difference> {
    let aspect = |name: &str| aspects.get(name).map_or("", String::as_str);
    let problem =
        |why: &str, remedy: &str| Some(Difference::problem(format!("{name} {why}"), remedy.into()));
    let note = |why: &str| Some(Difference::note(format!("{name} {why}")));
    match name.split_once(' ')?.0 {
        "settings" => settings(name, aspects),
        "role" => {
            let acts_as: Vec<_> = aspect("acts as").split(", ").collect();
            let missing: Vec<_> =
                ROLES.into_iter().filter(|role| !acts_as.contains(role)).collect();
            let roles = missing.join(", ");
            let why = format!("may not act as {roles}: PostgREST fails for such requests");
            if missing.is_empty() {
                None
            } else {
                problem(&why, &format!("grant {roles} to authenticator"))
            }
        }
        "attributes" => {
            problem(&format!("are more than requests need: it may {}", aspect("may")), "alter role")
        }
        "changes" => match aspect("owner") {
            owner if owner == "anon" || owner == "authenticated" => problem(
                &format!("are open to its owner, {owner}"),
                "alter schema public owner to postgres",
            ),
            _ => note(&format!("are open to {}: it may create objects there", aspect("open to"))),
        },
        "functions" => match aspect("tell who asks") {
            "yes" => None,
            "no" => problem(
                "do not tell who asks, and policies rely on them",
                "they are a part of Supabase: bring them back",
            ),
            error => {
                problem(&format!("fail: {error}"), "they are a part of Supabase: bring them back")
            }
        },
        "parent" => {
            problem("shows its rows to whom its own policies allow it", "alter table … no inherit")
        }
        "replica" => problem(
            "is nothing: while it is published no row can be changed or deleted",
            "alter table … replica identity default",
        ),
        "collation" => problem(
            &format!("is {}: rows come in another order", aspect("is")),
            "alter the column's type to what the migrations say",
        ),
        "leakproof" => problem(
            "may be called with rows of others, before their policies are asked",
            "alter function … not leakproof",
        ),
        "publication" => publication(aspects).and_then(|why| {
            problem(
                &why,
                "publish whole tables, with insert, update and delete, or Realtime keeps silent",
            )
        }),
        "reference" => note(&format!(
            "keeps rows that it names, and their users, from being deleted: {}",
            aspect("definition")
        )),
        "definer" => note(&format!(
            "is a function that signed-in users or everybody may call and that reads or writes with its \
             owner's rights: see whether it gives out rows of others. It names {}",
            aspect("names")
        )),
        "hook" => match (aspect("Auth may call it"), aspect("open to")) {
            ("yes", "") => None,
            ("yes", open) => note(&format!("looks like a hook of Auth, and is open to {open}")),
            _ => note(
                "looks like a hook of Auth, which may not call it: if it is one, sign-ins fail",
            ),
        },
        _ => None,
    }
}

fn publication(aspects: &Aspects) -> Option<String> {
    let aspect = |name: &str, usual: &str| {
        aspects.get(name).map(String::as_str).filter(|value| *value != usual)
    };
    if let Some(left_out) = aspect("leaves out", "") {
        return Some(format!("leaves out {left_out}"));
    }
    aspect("rows", "all")
        .map(|rows| format!("is only for rows where {rows}"))
        .or_else(|| aspect("columns", "all").map(|_| "is only for some columns".to_owned()))
}

/// The settings of a role, or of the database, under which requests fail or pass policies.
fn settings(name: &str, aspects: &Aspects) -> Option<Difference> {
    let wrong: Vec<_> = aspects
        .iter()
        .filter(|(setting, value)| is_wrong(setting, value))
        .map(|(setting, value)| format!("{setting}={value}"))
        .collect();
    if !wrong.is_empty() {
        let what = format!("{name} make requests fail or open rows: {}", wrong.join("; "));
        let reset: Vec<_> = wrong.iter().filter_map(|one| one.split('=').next()).collect();
        return Some(Difference::problem(what, format!("reset {}", reset.join(", "))));
    }
    let before = aspects.get("pgrst.db_pre_request").filter(|function| !function.is_empty())?;
    Some(Difference::note(format!("{name}: {before} runs before each request and may refuse it")))
}

fn is_wrong(setting: &str, value: &str) -> bool {
    let value = value.trim().trim_matches('"');
    let is_on = ["on", "true", "yes", "1"].contains(&value);
    match setting {
        "session_replication_role" => value != "origin",
        "row_security" => !is_on,
        "default_transaction_read_only" => is_on,
        "default_transaction_isolation" => value != "read committed",
        "role" => value != "none",
        "statement_timeout" | "lock_timeout" | "transaction_timeout" => {
            milliseconds(value).is_some_and(|ms| ms != 0 && ms < LEAST_TIMEOUT_MS)
        }
        "pgrst.db_schemas" => {
            let schemas: Vec<_> = value.split(',').map(str::trim).collect();
            !schemas.contains(&"public") || schemas.contains(&"private")
        }
        "pgrst.db_max_rows" => value.parse::<u64>().is_ok_and(|rows| rows < PAGE),
        "pgrst.db_tx_end" => value.starts_with("rollback"),
        "pgrst.db_anon_role" => value != "anon",
        "pgrst.jwt_role_claim_key" => value != ".role",
        _ => false,
    }
}

/// `8s`, `500`, `2min`
fn milliseconds(value: &str) -> Option<u64> {
    let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let number: u64 = value[..end].parse().ok()?;
    match value[end..].trim() {
        "" | "ms" => Some(number),
        "us" => Some(number / 1000),
        "s" => Some(number * 1000),
        "min" => Some(number * 60_000),
        "h" => Some(number * 3_600_000),
        "d" => Some(number * 86_400_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::is_wrong;

    #[test]
    fn what_supabase_sets_is_right() {
        for (setting, value) in [
            ("statement_timeout", "8s"),
            ("statement_timeout", "3s"),
            ("statement_timeout", "0"),
            ("lock_timeout", "8s"),
            ("search_path", "\"$user\", public, auth, extensions"),
            ("pgrst.db_schemas", "public, graphql_public"),
            ("pgrst.db_max_rows", "1000"),
            ("session_replication_role", "origin"),
        ] {
            assert!(!is_wrong(setting, value), "{setting} {value}");
        }
        for (setting, value) in [
            ("statement_timeout", "500ms"),
            ("statement_timeout", "1"),
            ("lock_timeout", "1s"),
            ("pgrst.db_schemas", "graphql_public"),
            ("pgrst.db_schemas", "public,private"),
            ("pgrst.db_max_rows", "100"),
            ("row_security", "off"),
        ] {
            assert!(is_wrong(setting, value), "{setting} {value}");
        }
    }
}
