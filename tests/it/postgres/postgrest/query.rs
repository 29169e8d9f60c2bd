//! Query strings, as far as this server uses PostgREST's language. What is not understood panics, so
//! that a new kind of request is noticed.

/// What is asked of one relation.
#[derive(Default)]
pub struct Read {
    /// Each with its name in the answer.
    pub columns: Vec<(String, String)>,
    pub embeds: Vec<(String, Read)>,
    pub conditions: Vec<Condition>,
    pub order: Vec<(String, String)>,
    pub limit: Option<u64>,
}

pub enum Condition {
    Compare { column: String, negated: bool, operator: String, value: String },
    Logic { any: bool, conditions: Vec<Condition> },
}

pub struct Query {
    pub read: Read,
    /// What a function is called with by GET.
    pub arguments: Vec<(String, String)>,
}

pub fn parse(text: &str, is_call_by_get: bool) -> Query {
    let pairs: Vec<(String, String)> =
        form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    let select = pairs.iter().find(|(name, _)| name == "select");
    let mut query =
        Query { read: selected(select.map_or("*", |(_, columns)| columns)), arguments: Vec::new() };
    for (name, value) in pairs.into_iter().filter(|(name, _)| name != "select") {
        let (path, last) = name.rsplit_once('.').map_or(("", &*name), |(path, last)| (path, last));
        let read = match path {
            "" => &mut query.read,
            path => {
                let mut embeds = query.read.embeds.iter_mut();
                &mut embeds.find(|(embed, _)| embed == path).expect("an embed").1
            }
        };
        match last {
            "order" => read.order = order(&value),
            "limit" => read.limit = Some(value.parse().unwrap()),
            "and" | "or" => read.conditions.push(condition(&format!("{last}{value}"))),
            _ if is_call_by_get && operation(&value).is_none() => {
                query.arguments.push((name, value));
            }
            column => read.conditions.push(compare(column, &value)),
        }
    }
    query
}

fn selected(columns: &str) -> Read {
    let mut read = Read::default();
    for item in items(columns) {
        match item.strip_suffix(')').and_then(|item| item.split_once('(')) {
            Some((table, inside)) => read.embeds.push((name(table), selected(inside))),
            None => {
                let (shown, column) = item.split_once(':').unwrap_or((item, item));
                read.columns.push((name(shown), name(column)));
            }
        }
    }
    read
}

/// A plain name: no cast, no path into jsonb.
fn name(text: &str) -> String {
    let is_plain = text == "*" || text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    assert!(is_plain, "not a plain name: {text}");
    text.to_owned()
}

/// `a,b(c,d)` at its outer commas.
fn items(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let outer = |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    };
    text.split(outer).collect()
}

fn order(text: &str) -> Vec<(String, String)> {
    let terms = text.split(',').map(|term| term.split_once('.').unwrap_or((term, "asc")));
    let term = |(column, direction): (&str, &str)| {
        assert!(["asc", "desc"].contains(&direction), "{text}");
        (name(column), direction.to_uppercase())
    };
    terms.map(term).collect()
}

/// `or(a.eq.1,and(…))`
fn condition(text: &str) -> Condition {
    for (word, any) in [("or(", true), ("and(", false)] {
        if let Some(inside) = text.strip_prefix(word).and_then(|rest| rest.strip_suffix(')')) {
            let conditions = items(inside).into_iter().map(condition).collect();
            return Condition::Logic { any, conditions };
        }
    }
    let (column, value) = text.split_once('.').unwrap();
    compare(column, value)
}

fn compare(column: &str, value: &str) -> Condition {
    let (negated, operator, value) =
        operation(value).unwrap_or_else(|| panic!("no operator of PostgREST: {column}={value}"));
    Condition::Compare {
        column: name(column),
        negated,
        operator: operator.into(),
        value: value.into(),
    }
}

fn operation(text: &str) -> Option<(bool, &str, &str)> {
    let (negated, text) = text.strip_prefix("not.").map_or((false, text), |text| (true, text));
    let (operator, value) = text.split_once('.')?;
    let known = ["eq", "neq", "gt", "gte", "lt", "lte", "is", "in", "like", "ilike"];
    known.contains(&operator).then_some((negated, operator, value))
}
