//! What happened to one actor, from its partition of the history table.
//!
//! A search for a message reads the actor's rows until it finds it, and pays for whole rows: half a read unit per four
//! kilobytes, that is about one for each ten turns. A row of its own per message would make the search one read and
//! every event one write dearer; searches are for messages older than the inbox's window only, writes are for all.

use crate::action::{Attributes, number, text};
use crate::codec::unpack;
use crate::keys::past;
use crate::query::{bytes, whole};
use crate::store::Dynamo;
use async_trait::async_trait;
use roadbook_kernel::{ActorKey, MessageId};
use roadbook_runtime::ports::{Fault, History, Turn};

/// Rows of a search read at once; an answer ends at 1 MB anyway.
const SEARCH_PAGE: usize = 500;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    OldestFirst,
    NewestFirst,
}

/// Which rows, of whom.
struct Question<'a> {
    actor: &'a ActorKey,
    condition: &'static str,
    bound: u64,
    way: Way,
    attributes: &'static str,
}

impl Dynamo {
    async fn rows(
        &self,
        ask: &Question<'_>,
        from: Option<Attributes>,
        limit: usize,
    ) -> Result<(Vec<Attributes>, Option<Attributes>), Fault> {
        let request = self.reads.query().table_name(&self.names.history).consistent_read(true);
        let request = request.key_condition_expression(format!("#p = :p AND #s {} :bound", ask.condition));
        let request = request.expression_attribute_names("#p", "pk").expression_attribute_names("#s", "sk");
        let request = request.expression_attribute_names("#a", ask.attributes);
        let request = request.projection_expression("#s, #a");
        let request = request.expression_attribute_values(":p", text(past(ask.actor)));
        let request = request.expression_attribute_values(":bound", number(ask.bound));
        let request = request.scan_index_forward(ask.way == Way::OldestFirst);
        let request = request.limit(i32::try_from(limit).unwrap_or(i32::MAX).max(1));
        let answer = request.set_exclusive_start_key(from).send().await;
        let answer = answer.map_err(|error| self.fault("read the history of an actor", &error))?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
    }

    async fn past_turns(&self, ask: Question<'_>, limit: usize) -> Result<Vec<Turn>, Fault> {
        let (mut found, mut from) = (Vec::new(), None);
        while found.len() < limit {
            let (rows, next) = self.rows(&ask, from, limit - found.len()).await?;
            // A row may hold only the index.
            for row in rows.iter().filter(|row| row.contains_key("r")) {
                let record = unpack(bytes(row, "r")?)?;
                found.push(Turn { actor: *ask.actor, version: whole(row, "sk")?, record });
            }
            if next.is_none() {
                break;
            }
            from = next;
        }
        Ok(found)
    }
}

#[async_trait]
impl History for Dynamo {
    async fn turns(&self, actor: &ActorKey, after: u64, limit: usize) -> Result<Vec<Turn>, Fault> {
        let way = Way::OldestFirst;
        self.past_turns(Question { actor, condition: ">", bound: after, way, attributes: "r" }, limit).await
    }

    async fn turns_before(&self, actor: &ActorKey, before: u64, limit: usize) -> Result<Vec<Turn>, Fault> {
        let way = Way::NewestFirst;
        self.past_turns(Question { actor, condition: "<", bound: before, way, attributes: "r" }, limit).await
    }

    async fn find(&self, actor: &ActorKey, message: MessageId) -> Result<Option<u64>, Fault> {
        let wanted = message.as_u128().to_be_bytes();
        let ask = Question { actor, condition: ">=", bound: 0, way: Way::OldestFirst, attributes: "m" };
        let mut from = None;
        loop {
            let (rows, next) = self.rows(&ask, from, SEARCH_PAGE).await?;
            for row in rows.iter().filter(|row| row.contains_key("m")) {
                if bytes(row, "m")?.chunks_exact(wanted.len()).any(|id| id == wanted) {
                    return whole(row, "sk").map(Some);
                }
            }
            if next.is_none() {
                return Ok(None);
            }
            from = next;
        }
    }
}
