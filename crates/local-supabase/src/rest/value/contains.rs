//! `a @> b` on jsonb.
//!
//! The shorter of the two texts is indexed, and the longer one read once: equal values are found by
//! their texts, objects by the rarest of their members.

use std::collections::{HashMap, HashSet};

use rusqlite::Result;

use super::json_text::{members, parts};
use crate::database::limits::StepCounter;

/// Whether `a` contains `b`. At the top an array also contains a scalar.
pub fn contains(a: &str, b: &str) -> Result<bool> {
    let mut steps = StepCounter::default();
    if a.starts_with('[') && is_scalar(b) {
        return Ok(parts(a).any(|element| element == b));
    }
    is_contained(b, a, &mut steps)
}

fn is_scalar(json: &str) -> bool {
    !json.starts_with(['[', '{'])
}

fn is_contained(b: &str, a: &str, steps: &mut StepCounter) -> Result<bool> {
    steps.count(b.len().min(a.len()))?;
    if a == b {
        return Ok(true);
    }
    match (a.as_bytes().first(), b.as_bytes().first()) {
        (Some(b'{'), Some(b'{')) => has_members(a, b, steps),
        (Some(b'['), Some(b'[')) if b.len() <= a.len() => has_elements(a, b, steps),
        (Some(b'['), Some(b'[')) => has_only_elements_of(a, b, steps),
        _ => Ok(false),
    }
}

fn has_members(a: &str, b: &str, steps: &mut StepCounter) -> Result<bool> {
    if a.len() < b.len() {
        let given: HashMap<_, _> = members(a).collect();
        for (key, required) in members(b) {
            steps.count(required.len())?;
            match given.get(key) {
                Some(value) if is_contained(required, value, steps)? => {}
                _ => return Ok(false),
            }
        }
        return Ok(true);
    }
    let mut required: HashMap<_, _> = members(b).collect();
    for (key, value) in members(a) {
        steps.count(value.len())?;
        if let Some(required) = required.remove(key)
            && !is_contained(required, value, steps)?
        {
            return Ok(false);
        }
    }
    Ok(required.is_empty())
}

/// Reads `a` and removes the elements of `b` that it finds.
fn has_elements(a: &str, b: &str, steps: &mut StepCounter) -> Result<bool> {
    let (mut scalars, mut open): (HashSet<&str>, HashSet<&str>) =
        parts(b).partition(|element| is_scalar(element));
    let index = Index::new(&open);
    for element in parts(a) {
        if scalars.is_empty() && open.is_empty() {
            break;
        }
        steps.count(element.len())?;
        if is_scalar(element) {
            scalars.remove(element);
            continue;
        }
        open.remove(element);
        for required in index.candidates(element) {
            if open.contains(required) && is_contained(required, element, steps)? {
                open.remove(required);
            }
        }
    }
    Ok(scalars.is_empty() && open.is_empty())
}

/// Reads `b`, which is the longer one, up to the first element that is not in `a`.
fn has_only_elements_of(a: &str, b: &str, steps: &mut StepCounter) -> Result<bool> {
    let given: HashSet<&str> = parts(a).collect();
    let containers: Vec<&str> = given.iter().copied().filter(|given| !is_scalar(given)).collect();
    for required in parts(b) {
        steps.count(required.len())?;
        if given.contains(required) {
            continue;
        }
        let mut is_there = false;
        for given in if is_scalar(required) { &[] } else { &containers[..] } {
            is_there = is_there || is_contained(required, given, steps)?;
        }
        if !is_there {
            return Ok(false);
        }
    }
    Ok(true)
}

/// An index of required arrays and objects by a member that their container must have.
struct Index<'a> {
    /// Objects by their rarest scalar member.
    by_member: HashMap<(&'a str, &'a str), Vec<&'a str>>,
    others: Vec<&'a str>,
}

impl<'a> Index<'a> {
    fn new(required: &HashSet<&'a str>) -> Self {
        let scalars = |json: &'a str| {
            let object = json.starts_with('{').then(|| members(json));
            object.into_iter().flatten().filter(|(_, value)| is_scalar(value))
        };
        let mut counts: HashMap<_, usize> = HashMap::new();
        for member in required.iter().flat_map(|json| scalars(json)) {
            *counts.entry(member).or_default() += 1;
        }
        let mut index = Self { by_member: HashMap::new(), others: Vec::new() };
        for json in required.iter().copied() {
            match scalars(json).min_by_key(|member| counts.get(member)) {
                Some(rarest) => index.by_member.entry(rarest).or_default().push(json),
                None => index.others.push(json),
            }
        }
        index
    }

    /// The required values that an array or object may contain.
    fn candidates(&self, container: &str) -> Vec<&'a str> {
        let object = container.starts_with('{').then(|| members(container));
        let found = object.into_iter().flatten().filter_map(|member| self.by_member.get(&member));
        found.flatten().chain(&self.others).copied().collect()
    }
}
