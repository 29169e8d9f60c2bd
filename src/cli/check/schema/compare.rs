//! Compares a database with the migrations.

use std::collections::{BTreeMap, BTreeSet};

use super::difference::Difference;
use super::{Aspects, Description, Expected, ExpectedObject, environment, storage};

/// The maximum length of a quoted definition, in characters.
const MAX_SHOWN: usize = 300;
/// The most objects of a missing migration that are named.
const MAX_NAMED: usize = 5;

/// All differences between `found` and `expected`, where files of up to `max_file_bytes` are to be
/// stored. What `found` could not read is not judged.
pub fn compare(expected: &Expected, found: &Description, max_file_bytes: u64) -> Vec<Difference> {
    let missing_files = missing_files(expected, found);
    let reported: BTreeSet<_> = missing_files.values().flat_map(Traces::objects).collect();
    let mut differences: Vec<_> =
        missing_files.iter().map(|(file, traces)| missing_file(file, traces)).collect();
    for (name, object) in &expected.objects {
        if reported.contains(name.as_str()) || found.unseen.contains_key(name) {
            continue;
        }
        match found.objects.get(name) {
            Some(aspects) => differences.extend(changed(name, object, aspects, max_file_bytes)),
            None if belongs_to_a_missing_table(name, object, found) => {}
            None => differences.push(missing(name, object)),
        }
    }
    let unexpected = found.objects.iter().filter(|(name, _)| !expected.objects.contains_key(*name));
    differences.extend(unexpected.filter_map(|(name, aspects)| added(name, aspects)));
    differences
}

/// The evidence that a migration is missing.
#[derive(Default)]
struct Traces<'a> {
    /// An object that it creates is missing.
    missing: Vec<&'a str>,
    /// An object that it changes is unchanged.
    unchanged: Vec<&'a str>,
    /// A part of it is present.
    is_applied: bool,
}

impl<'a> Traces<'a> {
    fn objects(&self) -> impl Iterator<Item = &'a str> {
        self.missing.iter().chain(&self.unchanged).copied()
    }
}

/// The migrations that are missing entirely.
fn missing_files<'a>(expected: &'a Expected, found: &Description) -> BTreeMap<&'a str, Traces<'a>> {
    let mut files = BTreeMap::<&str, Traces<'_>>::new();
    for (name, object) in &expected.objects {
        let Some(file) = object.created_by() else { continue };
        let traces = files.entry(file).or_default();
        if found.objects.contains_key(name) || found.unseen.contains_key(name) {
            traces.is_applied = true;
        } else {
            traces.missing.push(name);
        }
    }
    let is_missing = |traces: &Traces<'_>| !traces.is_applied && !traces.missing.is_empty();
    let creations_missing: BTreeSet<_> =
        files.iter().filter(|(_, traces)| is_missing(traces)).map(|(file, _)| *file).collect();
    for (name, object) in &expected.objects {
        let aspects = found.objects.get(name);
        for file in object.before.keys() {
            let traces = files.entry(file).or_default();
            let was_so_before =
                |aspects| object.before.range(..=file.clone()).any(|(_, is)| is == aspects);
            match (aspects, object.created_by()) {
                (Some(aspects), _) if was_so_before(aspects) => traces.unchanged.push(name),
                (Some(_), _) => traces.is_applied = true,
                (None, Some(by)) if creations_missing.contains(by) => traces.unchanged.push(name),
                (None, _) => {}
            }
        }
    }
    files.retain(|_, traces| {
        !traces.is_applied && traces.missing.len() + traces.unchanged.len() > 0
    });
    files
}

fn missing_file(file: &str, traces: &Traces<'_>) -> Difference {
    let is_main = |object: &&str| object.starts_with("table ") || object.starts_with("function ");
    let mut created: Vec<_> = traces.missing.iter().copied().filter(is_main).collect();
    if created.is_empty() {
        created.clone_from(&traces.missing);
    }
    let named = [("it creates", created), ("it changes", traces.unchanged.clone())];
    let words: Vec<_> = named
        .iter()
        .filter(|(_, objects)| !objects.is_empty())
        .map(|(verb, objects)| format!("{verb} {}", listed(objects)))
        .collect();
    Difference::problem(
        format!("migration {file} is missing: {}", words.join(", ")),
        format!("apply supabase/migrations/{file}: supabase db push"),
    )
}

fn listed(objects: &[&str]) -> String {
    let shown = objects[..objects.len().min(MAX_NAMED)].join(", ");
    match objects.len().saturating_sub(MAX_NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Columns, constraints and the like of a table that is itself missing.
fn belongs_to_a_missing_table(name: &str, object: &ExpectedObject, found: &Description) -> bool {
    let table = match name.split_once(' ') {
        Some(("column", column)) => column.rsplit_once('.').map(|(table, _)| table),
        Some(("index", _)) => {
            let definition = object.aspects.get("definition").map_or("", String::as_str);
            definition.split_once(" ON ").and_then(|(_, rest)| rest.split(' ').next())
        }
        Some(("constraint" | "trigger" | "policy", _)) => {
            name.rsplit_once(" on ").map(|(_, table)| table)
        }
        _ => None,
    };
    table.is_some_and(|table| !found.objects.contains_key(&format!("table {table}")))
}

fn missing(name: &str, object: &ExpectedObject) -> Difference {
    let remedy = match object.created_by() {
        Some(file) => format!("run its statement in supabase/migrations/{file} again"),
        None => "it is a part of Supabase: bring it back in the SQL editor".to_owned(),
    };
    Difference::problem(format!("{name} is missing"), remedy)
}

fn changed(
    name: &str,
    object: &ExpectedObject,
    found: &Aspects,
    max_file_bytes: u64,
) -> Option<Difference> {
    let names: BTreeSet<_> = object.aspects.keys().chain(found.keys()).collect();
    let mut is_problem = false;
    let mut words = Vec::new();
    for aspect in names {
        let expected = object.aspects.get(aspect).map_or("", String::as_str);
        let is = found.get(aspect).map_or("", String::as_str);
        if expected == is || is_irrelevant(aspect, expected, found) {
            continue;
        }
        is_problem |= aspect != "file_size_limit"
            || is.parse::<u64>().is_ok_and(|limit| limit < max_file_bytes);
        words.push(difference(aspect, is, expected));
    }
    if words.is_empty() {
        return None;
    }
    let what = format!("{name}: {}", words.join("; "));
    if !is_problem {
        return Some(Difference::note(what));
    }
    let remedy = match object.changed_by() {
        Some(file) => format!("run its statement in supabase/migrations/{file} again"),
        None => "change it back in the SQL editor".to_owned(),
    };
    Some(Difference::problem(what, remedy))
}

/// Tables may be published for Realtime beyond what is needed, and there may be no Realtime at all.
fn is_irrelevant(aspect: &str, expected: &str, found: &Aspects) -> bool {
    aspect == "realtime" && (expected == "not published" || !found.contains_key(aspect))
}

fn difference(aspect: &str, is: &str, expected: &str) -> String {
    if aspect == "body" {
        return "its body is another one than in the migrations".to_owned();
    }
    format!("{aspect}: {} (the migrations say: {})", abbreviate(is), abbreviate(expected))
}

fn abbreviate(value: &str) -> String {
    match value.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None if value.is_empty() => "nothing".to_owned(),
        None => value.to_owned(),
    }
}

/// Objects that the migrations do not create. Other applications may share the project, but not these
/// tables and names.
fn added(name: &str, aspects: &Aspects) -> Option<Difference> {
    let aspect = |name: &str| aspects.get(name).map_or("", String::as_str);
    let stranger = |why: &str| Difference::problem(format!("{name} {why}"), "drop it".to_owned());
    match name.split_once(' ')?.0 {
        "policy" if name.ends_with(" on storage.objects") => storage::objects_policy(name, aspects),
        "policy" if name.ends_with(" on storage.buckets") => storage::buckets_policy(name, aspects),
        "policy" => Some(stranger(&format!(
            "is not of the migrations: it is {} for {}, to {}, using {}, check {}",
            aspect("kind"),
            aspect("command"),
            aspect("roles"),
            abbreviate(aspect("using")),
            abbreviate(aspect("check"))
        ))),
        "function" => Some(stranger(
            "is not of the migrations: a function of an older version, or a second one of that name, \
             between which PostgREST cannot choose",
        )),
        "view" => Some(stranger(
            "shows rows of these tables with its owner's rights, whatever row-level security says",
        )),
        "rule" => Some(stranger("is not of the migrations")),
        "constraint" => Some(stranger("is not of the migrations and may refuse rows")),
        "index" if aspect("definition").starts_with("CREATE UNIQUE") => {
            Some(stranger("is not of the migrations and may refuse rows"))
        }
        "column" if aspect("null") == "refused" && aspect("default").is_empty() => {
            Some(stranger("is not of the migrations, and no row can be stored without it"))
        }
        "column" | "index" | "trigger" => {
            Some(Difference::note(format!("{name} is not of the migrations")))
        }
        _ => environment::difference(name, aspects),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Description, Expected, compare};

    /// A function of the first migration, which the second changes and the third changes again.
    fn expected() -> Expected {
        let objects = json!({
            "table public.a": { "files": ["1.sql"], "owner": "trusted" },
            "function public.f()": { "files": ["1.sql", "3.sql"], "body": "three",
                "before": { "2.sql": { "body": "one" }, "3.sql": { "body": "two" } } },
        });
        serde_json::from_value(objects).unwrap()
    }

    fn differences(objects: &Value) -> Vec<String> {
        let found = json!({ "server": "PostgreSQL 17.6", "now": "2026-11-26T00:00:00Z",
                            "objects": objects });
        let found: Description = serde_json::from_value(found).unwrap();
        compare(&expected(), &found, 1).into_iter().map(|difference| difference.what).collect()
    }

    #[test]
    fn a_migration_that_only_changes_something_is_missed() {
        let with = |body: &str| {
            differences(&json!({ "table public.a": { "owner": "trusted" },
                                 "function public.f()": { "body": body } }))
        };
        let missing =
            |file: &str| format!("migration {file} is missing: it changes function public.f()");
        assert_eq!(with("three"), [""; 0]);
        assert_eq!(with("two"), [missing("3.sql")]);
        assert_eq!(with("one"), [missing("2.sql"), missing("3.sql")]);
        let other = "function public.f(): its body is another one than in the migrations";
        assert_eq!(with("four"), [other]);
    }

    #[test]
    fn what_is_dropped_by_hand_is_no_missing_migration() {
        let dropped = differences(&json!({ "table public.a": { "owner": "trusted" } }));
        assert_eq!(dropped, ["function public.f() is missing"]);
        let nothing = differences(&json!({}));
        assert_eq!(
            nothing,
            [
                "migration 1.sql is missing: it creates function public.f(), table public.a",
                "migration 2.sql is missing: it changes function public.f()",
                "migration 3.sql is missing: it changes function public.f()",
            ]
        );
    }
}
