//! The schema according to the migrations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Aspects, Description};

/// A database to which all migrations were applied. A test keeps the committed copy current.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Expected {
    /// By name, as in [`super::Description`].
    pub objects: BTreeMap<String, ExpectedObject>,
}

/// An object of the migrations, or an existing one that they rely on.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct ExpectedObject {
    /// The migrations that have made it what it is: the one that creates it and, where that is
    /// another one, the last that changes it. None for what was there before.
    pub files: Vec<String>,
    /// What it was before a migration changed it, by that migration.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub before: BTreeMap<String, Aspects>,
    /// Its aspects.
    #[serde(flatten)]
    pub aspects: Aspects,
}

impl Expected {
    /// The committed copy.
    pub fn committed() -> Self {
        serde_json::from_str(include_str!("expected.json")).expect("a test has written it")
    }

    /// The tables and functions, as `describe_schema` is asked for them: `public.chats`.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.objects.keys().filter_map(|object| name(object)).collect();
        names.dedup();
        names
    }

    /// What a description can show: everything, or only tables and columns for the local Supabase.
    pub fn visible_in(&self, found: &Description) -> Self {
        let mut visible = self.clone();
        if found.is_local() {
            visible.objects.retain(|name, _| {
                name.starts_with("table public.") || name.starts_with("column public.")
            });
            for object in visible.objects.values_mut() {
                object.aspects.retain(|aspect, _| ["type", "null"].contains(&aspect.as_str()));
            }
        }
        visible
    }
}

fn name(object: &str) -> Option<&str> {
    match object.split_once(' ')? {
        ("table", name) => Some(name),
        ("function", signature) => signature.split('(').next(),
        _ => None,
    }
}

impl ExpectedObject {
    /// The migration that creates it.
    pub fn created_by(&self) -> Option<&str> {
        self.files.first().map(String::as_str)
    }

    /// The last migration that changes it.
    pub fn changed_by(&self) -> Option<&str> {
        self.files.last().map(String::as_str)
    }
}
