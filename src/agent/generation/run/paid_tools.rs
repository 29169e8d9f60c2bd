//! Calls of tools that have a price: reserved for before they are made, as calls of models are.

use super::turn_tools::PaidCall;
use super::{Interruption, Run};
use crate::agent::terms::Period;
use crate::agent::tools::execute::{CallResult, ReadyCall};
use crate::agent::tools::source::Outcome;
use crate::agent::usage::reservation::OverLimit;
use crate::providers::catalogue::Usd;

impl Run {
    /// The calls that can be paid for. They count from here on, also if nothing more is heard of this run. The
    /// others have their result: how much is left, and until when.
    pub(super) async fn pay_for(
        &mut self,
        calls: Vec<ReadyCall>,
    ) -> Result<(Vec<ReadyCall>, Vec<CallResult>), Interruption> {
        let paid = self.reserve_all(calls).await;
        if paid.is_err() {
            // None of them is made.
            for (_, paid) in self.tools.paid.drain() {
                self.budget.meter.refund_tool(&paid.tool, paid.price);
            }
        }
        paid
    }

    async fn reserve_all(
        &mut self,
        calls: Vec<ReadyCall>,
    ) -> Result<(Vec<ReadyCall>, Vec<CallResult>), Interruption> {
        let mut payable = Vec::with_capacity(calls.len());
        let mut refused = Vec::new();
        for call in calls {
            match self.reserve_tool(&call).await? {
                None => payable.push(call),
                Some(over) => refused.push(self.refusal(&call, &over)),
            }
        }
        if !self.tools.paid.is_empty() {
            // What was reserved is free again when the run is lost; what it has used is what it says.
            self.save_now(None).await?;
        }
        Ok((payable, refused))
    }

    /// Counts the price of a call, if it has one and there is enough left.
    async fn reserve_tool(&mut self, call: &ReadyCall) -> Result<Option<OverLimit>, Interruption> {
        let Some(price) = call.tool.tool().price_usd.filter(|price| *price > Usd::ZERO) else {
            return Ok(None);
        };
        let bytes = self.answer.bytes();
        if let Some(needed) = self.budget.shortfall_of_tool(price, bytes, &self.job.terms) {
            let (tokens, usd) = (needed.tokens, needed.usd);
            if let Some(over) = self.save_now(Some(needed)).await? {
                return Ok(Some(over));
            }
            self.budget.extend_to(tokens, usd);
        }
        let tool = call.tool.name.clone();
        self.budget.meter.begin_tool(&tool, price);
        let paid = PaidCall { tool, kind: call.tool.kind(), price };
        self.tools.paid.insert(call.id.clone(), paid);
        Ok(None)
    }

    /// Takes back what certainly was not called.
    pub(super) fn settle(&mut self, results: &[CallResult]) {
        for result in results {
            let Some(paid) = self.tools.paid.remove(&result.id) else { continue };
            if matches!(result.outcome, Outcome::Failed { may_have_happened: false, .. }) {
                self.budget.meter.refund_tool(&paid.tool, paid.price);
            } else {
                self.settings.metrics.tool_cost(paid.kind.as_str(), paid.price.as_f64());
            }
        }
    }

    fn refusal(&self, call: &ReadyCall, over: &OverLimit) -> CallResult {
        let name = &call.tool.name;
        let price = call.tool.tool().price_usd.unwrap_or_default();
        let why = match &over.budget {
            Some(over) => {
                let period = match over.budget.period {
                    Period::Day => "day",
                    Period::Month => "month",
                };
                let (left, resets_at) = (over.remaining_usd, over.budget.resets_at);
                format!("{left} of this {period}'s budget is left until {resets_at}")
            }
            None => format!("the tokens of the day are used up until {}", over.resets_at),
        };
        let sentence =
            format!("Not run: {name} costs {price} a call, and {why}. Go on without it.");
        let (part, id) = (call.part, call.id.clone());
        CallResult { part, id, outcome: Outcome::Refused(sentence) }
    }
}
