//! On what terms an answer is written: its assistant, and its user's plan.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::config::file::assistants::{Assistant, Instructions, Overridable};
use crate::config::file::plans::Plan;
use crate::providers::ChosenModel;
use crate::providers::catalogue::{Price, Usd};

/// On what terms an answer is written. They are those of its beginning, whatever the operator changes
/// meanwhile.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Who answers; nobody in particular where there is none.
    pub assistant: Option<Arc<Assistant>>,
    /// What the user may spend.
    pub plan: Option<Arc<Plan>>,
    /// The tokens of a day: the plan's, else `DAILY_TOKEN_LIMIT`.
    pub daily_tokens: Option<u64>,
    /// What tokens of models without a price count.
    pub unpriced: Option<Price>,
}

/// A limit of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct BudgetLimit {
    pub period: Period,
    pub limit_usd: Usd,
}

/// How long a budget lasts, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// A day.
    Day,
    /// A month.
    Month,
}

/// Why a model is not called for a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanRefusal {
    /// It is not part of the plan.
    #[error("the plan {plan} does not have the model {model}")]
    Model {
        /// The plan.
        plan: String,
        /// The model.
        model: String,
    },
    /// Money is limited, and it has no price.
    #[error("the plan {plan} limits money, and the model {model} has no price")]
    Unpriced {
        /// The plan.
        plan: String,
        /// The model.
        model: String,
    },
}

impl Terms {
    /// The instructions of the assistant.
    pub fn instructions(&self) -> Option<&Instructions> {
        self.assistant.as_ref().map(|assistant| &assistant.instructions)
    }

    /// The models that are asked where the first cannot answer; none for those of the settings.
    pub fn fallbacks(&self) -> Option<&[String]> {
        self.assistant.as_ref()?.fallbacks.as_deref()
    }

    /// The limits in money.
    pub fn budgets(&self) -> Vec<BudgetLimit> {
        let Some(plan) = &self.plan else { return Vec::new() };
        let limits = [(Period::Day, plan.usd_per_day), (Period::Month, plan.usd_per_month)];
        let limits = limits.into_iter();
        limits.filter_map(|(period, usd)| Some(BudgetLimit { period, limit_usd: usd? })).collect()
    }

    /// Whether something is reserved before each call of a model.
    pub fn has_limits(&self) -> bool {
        self.daily_tokens.is_some() || self.limits_money()
    }

    fn limits_money(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.limits_money())
    }

    /// A model as it may be called; where money is limited, each of its tokens has a price. What an operator
    /// has chosen for an assistant is part of every plan that has the assistant.
    pub fn take(&self, model: ChosenModel) -> Result<ChosenModel, PlanRefusal> {
        let Some(plan) = &self.plan else { return Ok(model) };
        let is_operators = |own: &Arc<Assistant>| !own.leaves(Overridable::Model);
        let is_operators = self.assistant.as_ref().is_some_and(is_operators);
        if !is_operators && !plan.has_model(&[&model.id, &model.qualified_id()]) {
            return Err(PlanRefusal::Model { plan: plan.name.clone(), model: model.id });
        }
        if !plan.limits_money() {
            return Ok(model);
        }
        let (plan, id) = (plan.name.clone(), model.id.clone());
        model.priced(self.unpriced).ok_or(PlanRefusal::Unpriced { plan, model: id })
    }

    /// What the message's metadata says of them.
    pub(super) fn metadata(&self) -> Map<String, Value> {
        let Some(assistant) = &self.assistant else { return Map::new() };
        Map::from_iter([
            ("assistant".to_owned(), json!(assistant.id)),
            ("assistant_version".to_owned(), json!(assistant.version)),
        ])
    }
}
