//! Policies of Storage's tables that the migrations do not create. Other buckets may have policies,
//! but none of those may apply to ours.

use super::Aspects;
use super::difference::Difference;

const BUCKET: &str = "files";
const REMEDY: &str = "drop it, or let it name the buckets that it is for: bucket_id = '…'";
/// The maximum length of a condition that is parsed.
const MAX_BYTES: usize = 16 * 1024;

/// A policy of `storage.objects`.
pub(super) fn objects_policy(name: &str, aspects: &Aspects) -> Option<Difference> {
    if aspect(aspects, "kind") == "restrictive" {
        return is_for_requests(aspects).then(|| problem(name, "keeps users from their files"));
    }
    reaches(aspects, &["bucket_id"]).then(|| problem(name, "may open the bucket files"))
}

/// A policy of `storage.buckets`. Who can see a bucket's row cannot do anything with it.
pub(super) fn buckets_policy(name: &str, aspects: &Aspects) -> Option<Difference> {
    let only_shows = aspect(aspects, "command") == "select";
    let is_open = !only_shows && reaches(aspects, &["id", "name"]);
    is_open.then(|| problem(name, "may let users change the bucket files"))
}

fn problem(name: &str, effect: &str) -> Difference {
    Difference { what: format!("{name} {effect}"), remedy: REMEDY.to_owned(), is_problem: true }
}

fn aspect<'a>(aspects: &'a Aspects, name: &str) -> &'a str {
    aspects.get(name).map_or("", String::as_str)
}

fn reaches(aspects: &Aspects, columns: &[&str]) -> bool {
    let conditions = [aspect(aspects, "using"), aspect(aspects, "check")];
    let mut given = conditions.iter().filter(|condition| !condition.is_empty());
    is_for_requests(aspects) && given.any(|condition| may_hold(condition, columns))
}

/// Whether it applies to a role that requests have and that policies bind.
fn is_for_requests(aspects: &Aspects) -> bool {
    let mut roles = aspect(aspects, "roles").split(", ");
    roles.any(|role| matches!(role, "everybody" | "anon" | "authenticated"))
}

/// Whether a condition, as PostgreSQL prints it, may hold for our bucket: it does unless one of the
/// terms that must all hold names other buckets.
fn may_hold(condition: &str, columns: &[&str]) -> bool {
    if condition.len() > MAX_BYTES {
        return true;
    }
    let condition = without_parentheses(condition.trim());
    let either = split(condition, " OR ");
    if either.len() > 1 {
        return either.iter().any(|term| may_hold(term, columns));
    }
    let all = split(condition, " AND ");
    if all.len() > 1 {
        return all.iter().all(|term| may_hold(term, columns));
    }
    condition != "false" && !columns.iter().any(|column| names_others(condition, column))
}

/// `bucket_id = 'avatars'::text`, or `bucket_id = ANY (ARRAY['avatars'::text, 'logos'::text])`
fn names_others(term: &str, column: &str) -> bool {
    let Some(value) = term.strip_prefix(column).and_then(|rest| rest.strip_prefix(" = ")) else {
        return false;
    };
    let list = value.strip_prefix("ANY (ARRAY[").and_then(|rest| rest.strip_suffix("])"));
    let mut values = list.unwrap_or(value).split(", ");
    values.all(|value| literal(value).is_some_and(|literal| literal != BUCKET))
}

/// `avatars` from `'avatars'::text`; `None` for anything but a plain literal.
fn literal(value: &str) -> Option<&str> {
    let literal = value.strip_suffix("::text")?.strip_prefix('\'')?.strip_suffix('\'')?;
    (!literal.contains('\'')).then_some(literal)
}

fn without_parentheses(mut condition: &str) -> &str {
    while let Some(inner) = condition.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        // `(a) OR (b)` is no pair.
        if !is_balanced(inner) {
            break;
        }
        condition = inner.trim();
    }
    condition
}

fn is_balanced(text: &str) -> bool {
    let mut is_below = false;
    let end = scan(text, |_, depth| is_below |= depth < 0);
    end == 0 && !is_below
}

/// The parts between separators that stand outside of parentheses and quotes.
fn split<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let mut start = 0;
    scan(text, |at, depth| {
        if depth == 0 && text[at..].starts_with(separator) {
            parts.push(&text[start..at]);
            start = at + separator.len();
        }
    });
    parts.push(&text[start..]);
    parts
}

/// Visits each character outside of quotes with the depth of parentheses behind it.
fn scan(text: &str, mut visit: impl FnMut(usize, i32)) -> i32 {
    let mut depth = 0;
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) => {
                if character == open {
                    quote = None;
                }
                continue;
            }
            (None, '\'' | '"') => quote = Some(character),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            _ => {}
        }
        visit(at, depth);
    }
    depth
}

#[cfg(test)]
mod tests {
    use super::may_hold;

    #[test]
    fn conditions_that_name_other_buckets_do_not_hold() {
        for condition in [
            "(bucket_id = 'avatars'::text)",
            "((bucket_id = 'avatars'::text) AND (auth.uid() = owner))",
            "(bucket_id = ANY (ARRAY['avatars'::text, 'logos'::text]))",
            "(((bucket_id = 'a'::text) AND true) OR ((bucket_id = 'b'::text) AND (owner = 'x y')))",
            "((name ~~ '%) OR (%'::text) AND (bucket_id = 'avatars'::text))",
            "false",
        ] {
            assert!(!may_hold(condition, &["bucket_id"]), "{condition}");
        }
    }

    #[test]
    fn all_others_may_hold() {
        for condition in [
            "true",
            "(bucket_id = 'files'::text)",
            "(bucket_id = ANY (ARRAY['avatars'::text, 'files'::text]))",
            "((bucket_id = 'avatars'::text) OR (auth.uid() = owner))",
            "(NOT (bucket_id = 'avatars'::text))",
            "(bucket_id <> 'avatars'::text)",
            "(bucket_id = lower('FILES'::text))",
            "(bucket_id = ('fi'::text || 'les'::text))",
            "((bucket_id = 'avatars'::text) IS NOT TRUE)",
            "(name = 'x) AND (bucket_id = ''avatars''::text'::text)",
        ] {
            assert!(may_hold(condition, &["bucket_id"]), "{condition}");
        }
    }
}
