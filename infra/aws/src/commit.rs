//! Writing a commit once, whatever the network does.
//!
//! The SDK's own retries are off for writes, because it repeats a request that may have been applied, and then reads
//! its own success as a lost race. Here
//!
//! - a request that was turned away (throttled, or in the way of a transaction) is sent again;
//! - one that may have been applied is sent again only where a second time can do no harm: with a condition on the
//!   version, where the row shows by its `w` whether the first try was applied; and as a transaction, whose token
//!   DynamoDB remembers for ten minutes;
//! - anything else that may have been applied is a fault, as [`CommitError::Fault`] says: load again and look.

use crate::action::{Action, Attributes};
use crate::outcome::{Trouble, trouble};
use crate::plan::{plan, within_limits};
use crate::query::read_item;
use crate::store::Dynamo;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    CancellationReason, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem,
};
use roadbook_kernel::ActorKey;
use roadbook_runtime::ports::{Commit, CommitError, Fault, ItemKey};
use std::time::Duration;

/// Times a request is sent.
const ATTEMPTS_MAX: u32 = 10;
/// The first wait; each is twice the one before, up to the longest.
const WAIT_MS: u64 = 20;
const WAIT_MS_MAX: u64 = 1_000;

/// How one request came out.
enum Tried {
    Done,
    /// The condition does not hold; the item that is there instead.
    Refused(Option<Attributes>),
    Failed(Trouble, Fault),
}

/// How a transaction came out.
pub(crate) enum Transacted {
    /// All of it was written.
    Done,
    /// None of it was, because of the conditions of these parts; the items that are there instead.
    Refused(Vec<(usize, Option<Attributes>)>),
}

impl Dynamo {
    pub(crate) async fn write(&self, commit: Commit) -> Result<(), CommitError> {
        let kept = self.kept_by(&commit).await?;
        let mut actions = plan(&self.names, commit, self.draw())?;
        let (mut keeping, mut spilled) = (Vec::new(), Vec::new());
        for action in actions.iter_mut().filter(|action| action.logs) {
            let item = action.item.clone();
            let actor = item.as_ref().and_then(|item| ActorKey::from_bytes(item.bytes()));
            let Some((item, actor)) = item.zip(actor) else { continue };
            let was = kept.get(&item).cloned().unwrap_or_default();
            let (seen, items) = self.keep(action, &actor, was).await?;
            keeping.push((item, seen));
            spilled.extend(items);
        }
        actions.extend(spilled);
        within_limits(&actions)?;
        let written = self.write_all(&actions).await;
        if written.is_ok() {
            keeping.into_iter().for_each(|(item, seen)| self.saw(&item, Some(seen)));
        }
        written
    }

    async fn write_all(&self, actions: &[Action]) -> Result<(), CommitError> {
        match actions {
            [] => Ok(()),
            [action] => self.write_one(action).await,
            actions => match self.transact(actions).await? {
                Transacted::Done => Ok(()),
                Transacted::Refused(refused) => {
                    let first = refused.into_iter().next();
                    let (place, there) =
                        first.ok_or_else(|| Fault::Store("a transaction refused by nothing".into()))?;
                    conflict(&actions[place], there)
                }
            },
        }
    }

    async fn write_one(&self, action: &Action) -> Result<(), CommitError> {
        let mut doubtful = false;
        for attempt in 0..ATTEMPTS_MAX {
            let tried = if action.deletes { self.delete(action).await } else { self.update(action).await };
            match tried {
                Tried::Done => return Ok(()),
                Tried::Refused(Some(there)) if doubtful && is_ours(action, &there) => return Ok(()),
                Tried::Refused(_) if action.may_miss => return Ok(()),
                Tried::Refused(there) => return conflict(action, there),
                Tried::Failed(Trouble::Busy, _) => {}
                Tried::Failed(Trouble::Unknown, fault) if action.mark.is_none() => return Err(fault.into()),
                Tried::Failed(Trouble::Unknown, _) => doubtful = true,
                Tried::Failed(Trouble::Final, fault) => return Err(fault.into()),
            }
            self.wait(attempt).await;
        }
        let unknown = Fault::Store("DynamoDB, write an item: no answer, after several tries".into());
        Err(if doubtful { unknown } else { Fault::Overloaded }.into())
    }

    async fn update(&self, action: &Action) -> Tried {
        let request = self.writes.update_item().table_name(&action.table).set_key(Some(action.key.clone()));
        let request = request.update_expression(action.update());
        let request = request.set_condition_expression(action.condition.clone());
        let request = request.set_expression_attribute_names(action.names());
        let request = request.set_expression_attribute_values(action.values());
        match request.return_values_on_condition_check_failure(OnFailure::AllOld).send().await {
            Ok(_) => Tried::Done,
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => Tried::Refused(refused.item.clone()),
                _ => Tried::Failed(trouble(&error), self.fault("write an item", &error)),
            },
        }
    }

    async fn delete(&self, action: &Action) -> Tried {
        let request = self.writes.delete_item().table_name(&action.table).set_key(Some(action.key.clone()));
        let request = request.set_condition_expression(action.condition.clone());
        let request = request.set_expression_attribute_names(action.names());
        let request = request.set_expression_attribute_values(action.values());
        match request.return_values_on_condition_check_failure(OnFailure::AllOld).send().await {
            Ok(_) => Tried::Done,
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(refused)) => Tried::Refused(refused.item.clone()),
                _ => Tried::Failed(trouble(&error), self.fault("remove an item", &error)),
            },
        }
    }

    /// Writes all of it or nothing. One token for every try: DynamoDB answers a repetition with the first one's result.
    /// It is drawn and not derived from what is written, or a commit that rightly says the same again within ten
    /// minutes (the same amount added once more) would be taken for a repetition.
    pub(crate) async fn transact(&self, actions: &[Action]) -> Result<Transacted, Fault> {
        let defect = |error: aws_sdk_dynamodb::error::BuildError| Fault::Store(error.to_string());
        let parts: Vec<TransactWriteItem> =
            actions.iter().map(Action::transacted).collect::<Result<_, _>>().map_err(defect)?;
        let token = self.token();
        let mut doubtful = false;
        for attempt in 0..ATTEMPTS_MAX {
            let request = self.writes.transact_write_items().client_request_token(&token);
            let Err(error) = request.set_transact_items(Some(parts.clone())).send().await else {
                return Ok(Transacted::Done);
            };
            match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    match cancelled_by(cancelled.cancellation_reasons()) {
                        Cancelled::Conditions(refused) => return Ok(Transacted::Refused(refused)),
                        Cancelled::Busy => {}
                        Cancelled::Else(code) => {
                            return Err(Fault::Store(format!("DynamoDB, write a transaction: {code}")));
                        }
                    }
                }
                _ => match trouble(&error) {
                    Trouble::Busy => {}
                    Trouble::Unknown => doubtful = true,
                    Trouble::Final => return Err(self.fault("write a transaction", &error)),
                },
            }
            self.wait(attempt).await;
        }
        let unknown = Fault::Store("DynamoDB, write a transaction: no answer, after several tries".into());
        Err(if doubtful { unknown } else { Fault::Overloaded })
    }

    /// Waits before the next try: longer each time, and not as long as the next host does.
    pub(crate) async fn wait(&self, attempt: u32) {
        let longest = WAIT_MS.saturating_mul(1 << attempt.min(16)).min(WAIT_MS_MAX);
        let drawn = u64::from_le_bytes(self.draw()) % (longest / 2 + 1);
        tokio::time::sleep(Duration::from_millis(longest / 2 + drawn)).await;
    }
}

fn is_ours(action: &Action, there: &Attributes) -> bool {
    let mark = there.get("w").and_then(|value| value.as_b().ok());
    mark.zip(action.mark).is_some_and(|(there, ours)| there.as_ref() == ours)
}

fn conflict(action: &Action, there: Option<Attributes>) -> Result<(), CommitError> {
    let unknown = || Fault::Corrupt("a condition on something that is no item".into());
    let key: ItemKey = action.item.clone().ok_or_else(unknown)?;
    let current = there.map(|there| read_item(&there)).transpose()?.flatten();
    Err(CommitError::Conflict { key, current })
}

enum Cancelled {
    Conditions(Vec<(usize, Option<Attributes>)>),
    Busy,
    Else(String),
}

/// Why a transaction was cancelled. A condition that does not hold decides: it will not hold the next time either.
fn cancelled_by(reasons: &[CancellationReason]) -> Cancelled {
    let coded = || reasons.iter().enumerate().filter_map(|(place, reason)| Some((place, reason.code()?, reason)));
    let refused: Vec<_> = coded()
        .filter(|(_, code, _)| *code == "ConditionalCheckFailed")
        .map(|(place, _, reason)| (place, reason.item.clone()))
        .collect();
    if !refused.is_empty() {
        return Cancelled::Conditions(refused);
    }
    let busy = ["None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    match coded().find(|(_, code, _)| !busy.contains(code)) {
        Some((_, code, _)) => Cancelled::Else(code.to_owned()),
        None => Cancelled::Busy,
    }
}
