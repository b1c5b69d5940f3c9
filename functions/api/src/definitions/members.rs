//! Who is in a segment, and who is where in a journey: read from the customers' rows, page by page. A page may be
//! shorter than asked and still have more behind it: looking takes a limited time.

use super::{catalog, entry};
use crate::api::Api;
use crate::failure::Failure;
use crate::page::{Page, PageQuery};
use crate::params::{Params, PathId};
use crate::profiles::{run, short};
use crate::scan::{Go, Visitor};
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use roadbook_app::App;
use roadbook_customer::Customer;
use roadbook_kernel::{ActorKey, CustomerId, JourneyId, RunId, SegmentId};
use roadbook_runtime::Row;
use roadbook_runtime::ports::Fault;
use roadbook_wire::time::write;
use serde_json::{Value, json};
use std::sync::Arc;

fn place(bytes: &[u8]) -> Option<u128> {
    Some(u128::from_be_bytes(bytes.try_into().ok()?))
}

/// `GET /v1/segments/{id}/members`: short profiles of those who are inside, each with the time since when.
pub(crate) async fn of_segment(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<SegmentId>,
    params: Params,
) -> Result<Json<Page>, Failure> {
    let tenant = secret.tenant();
    let keys = secret.keys(&api);
    let page = PageQuery::read(&params, &keys, format!("members/{id}"))?;
    entry(&catalog(&api, tenant).await?, id)?;
    let after = page.after.as_deref().and_then(place).map(CustomerId::from_u128);
    let visitor = Members { segment: id, limit: page.limit, rows: Vec::new() };
    let scanned = api.scans.run(&secret, after, visitor).await?;
    let next = scanned.last.filter(|_| !scanned.complete).map(|last| last.as_u128().to_be_bytes().to_vec());
    Ok(Json(page.answer(scanned.visitor.rows, next)))
}

struct Members {
    segment: SegmentId,
    limit: usize,
    rows: Vec<Value>,
}

impl Visitor for Members {
    async fn visit(&mut self, _: &App, _: ActorKey, row: &Row<Customer>) -> Result<Go, Fault> {
        let inside = row.state.memberships.get(&self.segment).filter(|known| known.inside && row.state.is_live());
        if let Some(membership) = inside {
            let mut shown = short(&row.state);
            shown["since"] = json!(write(membership.since));
            self.rows.push(shown);
        }
        Ok(if self.rows.len() < self.limit { Go::On } else { Go::Enough })
    }
}

/// `GET /v1/journeys/{id}/members?node=`: every run under way, with where it stands and until when.
pub(crate) async fn of_journey(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<JourneyId>,
    params: Params,
) -> Result<Json<Page>, Failure> {
    let tenant = secret.tenant();
    let keys = secret.keys(&api);
    let node = params.get("node").map(str::to_owned);
    let page = PageQuery::read(&params, &keys, format!("runs/{id}/{}", node.as_deref().unwrap_or_default()))?;
    entry(&catalog(&api, tenant).await?, id)?;
    // A customer may have several runs after a merge, so a page may end between two of them.
    let after = page.after.as_deref().and_then(|bytes| bytes.split_at_checked(16));
    let after = after.and_then(|(customer, run)| Some((place(customer)?, RunId::from_u128(place(run)?))));
    let begin = after.and_then(|(customer, run)| match run.as_u128() {
        u128::MAX => Some(customer),
        _ => customer.checked_sub(1),
    });
    let begin = begin.map(CustomerId::from_u128);
    let after = after.map(|(customer, run)| (CustomerId::from_u128(customer), run));
    let visitor = Runs { journey: id, node, after, limit: page.limit, rows: Vec::new(), more: false, last: after };
    let scanned = api.scans.run(&secret, begin, visitor).await?;
    let (seen, complete) = (scanned.visitor, scanned.complete);
    let last = if seen.more { seen.last } else { scanned.last.map(|last| (last, RunId::from_u128(u128::MAX))) };
    let next = last.filter(|_| seen.more || !complete);
    let next = next.map(|(customer, run)| [customer.as_u128().to_be_bytes(), run.as_u128().to_be_bytes()].concat());
    Ok(Json(page.answer(seen.rows, next)))
}

struct Runs {
    journey: JourneyId,
    node: Option<String>,
    after: Option<(CustomerId, RunId)>,
    limit: usize,
    rows: Vec<Value>,
    /// Whether the last customer has runs that the page had no room for.
    more: bool,
    last: Option<(CustomerId, RunId)>,
}

impl Visitor for Runs {
    async fn visit(&mut self, _: &App, _: ActorKey, row: &Row<Customer>) -> Result<Go, Fault> {
        let customer = &row.state;
        let wanted = customer.runs.values().filter(|run| {
            let node = self.node.as_ref().is_none_or(|node| *node == run.node);
            let new = self.after.is_none_or(|after| (customer.id, run.id) > after);
            run.journey == self.journey && node && new
        });
        for one in wanted.filter(|_| customer.is_live()) {
            if self.rows.len() >= self.limit {
                self.more = true;
                return Ok(Go::Enough);
            }
            let mut shown = run(one);
            if let Some(fields) = shown.as_object_mut() {
                fields.remove("id");
                fields.insert("customer".into(), json!(customer.id));
            }
            self.rows.push(shown);
            self.last = Some((customer.id, one.id));
        }
        Ok(Go::On)
    }
}
