//! `[plans.<name>]`: what a user may spend.

use providers::catalogue::Usd;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Table;

use super::typed::typed;

/// The plan of users whose token names none, where there is such a plan.
pub const DEFAULT_PLAN: &str = "default";

/// What a user of a plan may spend. What is absent is the server's setting, or not limited; so are 0
/// generations and scripts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    /// The name of its table in the file.
    #[serde(skip)]
    pub name: String,
    /// US dollars a day, from 00:00 UTC.
    #[schemars(with = "Option<f64>")]
    pub usd_per_day: Option<Usd>,
    /// US dollars a month, from its first day at 00:00 UTC.
    #[schemars(with = "Option<f64>")]
    pub usd_per_month: Option<Usd>,
    /// Tokens a day.
    pub tokens_per_day: Option<u64>,
    /// Generations a minute, on each replica.
    pub generations_per_minute: Option<u32>,
    /// The models that may be used: ids, where `*` stands for anything.
    pub models: Option<Vec<String>>,
    /// The assistants that may be used.
    pub assistants: Option<Vec<String>>,
    /// The total size of a user's files.
    pub file_quota_bytes: Option<u64>,
    /// Scripts a minute, on each replica.
    pub scripts_per_minute: Option<u32>,
    /// Scripts a day, on each replica.
    pub scripts_per_day: Option<u32>,
}

impl Plan {
    pub(super) fn read(name: String, table: Table) -> Result<Self, String> {
        let place = format!("plans.{name}");
        if name.is_empty() || name.len() > 64 {
            return Err(format!("{place}: a name has 1 to 64 bytes"));
        }
        let plan = typed::<Self>(&place, table)?;
        Ok(Self { name, ..*plan })
    }

    /// Whether money is limited, so that every call needs a price.
    pub fn limits_money(&self) -> bool {
        self.usd_per_day.is_some() || self.usd_per_month.is_some()
    }

    /// Whether a model is part of the plan, by any of its names.
    pub fn has_model(&self, ids: &[&str]) -> bool {
        let Some(models) = &self.models else { return true };
        models.iter().any(|pattern| ids.iter().any(|id| matches(pattern, id)))
    }

    /// Whether an assistant is part of the plan.
    pub fn has_assistant(&self, id: &str) -> bool {
        self.assistants.as_ref().is_none_or(|ids| ids.iter().any(|own| own == id))
    }
}

/// Whether an id is as a pattern says, in which `*` stands for anything.
fn matches(pattern: &str, id: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == id };
    let Some(rest) = id.strip_prefix(before) else { return false };
    (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| matches(after, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, id, is_match) in [
            ("*", "openai/gpt", true),
            ("openai/*", "openai/gpt", true),
            ("openai/*", "gemini/gpt", false),
            ("*-mini", "openai/gpt-mini", true),
            ("gpt", "gpt-mini", false),
            ("g*m*i", "gpt-mini", true),
        ] {
            assert_eq!(matches(pattern, id), is_match, "{pattern} {id}");
        }
    }
}
