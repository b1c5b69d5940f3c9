//! Looking through the customers for those who have something in common. There is no index behind this: a look takes
//! what time it has, and the cursor goes on.

use super::view::short;
use crate::api::Api;
use crate::failure::Failure;
use crate::page::{Page, PageQuery};
use crate::params::Params;
use axum::Json;
use roadbook_customer::Customer;
use roadbook_kernel::{ActorKey, ActorKind, Moment, SegmentId, TenantId};
use roadbook_lifecycle::Stage;
use roadbook_runtime::Row;
use roadbook_runtime::ports::Space;
use std::time::Duration;
use tokio::time::Instant;

/// Rows read at once.
const ROWS_READ: usize = 256;
/// How long one page may look.
const LOOK_MAX: Duration = Duration::from_millis(200);

/// What a customer must have; all of it.
#[derive(Default, Debug)]
pub(super) struct Wanted {
    tag: Option<(String, Option<String>)>,
    segment: Option<SegmentId>,
    stage: Option<Stage>,
}

impl Wanted {
    /// `None` where there is no filter.
    pub(super) fn read(params: &Params) -> Result<Option<Self>, Failure> {
        let given = |name: &str| params.get(name).filter(|text| !text.is_empty());
        let tag = given("tag").map(|text| match text.split_once(':') {
            Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
            None => (text.to_owned(), None),
        });
        let segment = given("segment").map(|text| {
            text.parse().map_err(|_| Failure::invalid("bad_id", "", "`segment` is the id of a segment, `seg_...`"))
        });
        let stage = given("stage").map(|text| {
            let known = Stage::ALL.map(Stage::word).join(", ");
            Stage::from_word(text)
                .ok_or_else(|| Failure::invalid("unknown_choice", "", format!("`stage` is one of: {known}")))
        });
        let wanted = Self { tag, segment: segment.transpose()?, stage: stage.transpose()? };
        let any = wanted.tag.is_some() || wanted.segment.is_some() || wanted.stage.is_some();
        Ok(any.then_some(wanted))
    }

    fn fits(&self, customer: &Customer, now: Moment) -> bool {
        let tag = self.tag.as_ref().is_none_or(|(key, value)| {
            customer.tags.get(key).is_some_and(|tag| {
                let holds = tag.value.is_some() && tag.expires_at.is_none_or(|end| end > now);
                holds && (value.is_none() || *value == tag.value)
            })
        });
        let inside = |id| customer.memberships.get(id).is_some_and(|membership| membership.inside);
        let stage = |stage| customer.position().is_some_and(|position| position.stage == stage);
        tag && self.segment.as_ref().is_none_or(inside) && self.stage.is_none_or(stage)
    }
}

pub(super) async fn scan(
    api: &Api,
    tenant: TenantId,
    page: &PageQuery<'_>,
    wanted: &Wanted,
) -> Result<Json<Page>, Failure> {
    let (begun, now) = (Instant::now(), api.engine().clock.now());
    let prefix = [ActorKind::Customer.byte()];
    let mut place = page.after.clone();
    let mut rows = Vec::new();
    loop {
        let found = api.engine().store.scan(Space::Actor, tenant, &prefix, place.as_deref(), ROWS_READ).await?;
        let last_read = found.len() < ROWS_READ;
        for (key, item) in found {
            if rows.len() == page.limit {
                return Ok(Json(page.answer(rows, place)));
            }
            if let Some(actor) = ActorKey::from_bytes(key.bytes()) {
                let customer = Row::<Customer>::read(&actor, &item)?.state;
                if customer.is_live() && wanted.fits(&customer, now) {
                    rows.push(short(&customer));
                }
            }
            place = Some(key.local().to_vec());
        }
        if last_read {
            return Ok(Json(page.answer(rows, None)));
        }
        if begun.elapsed() >= LOOK_MAX {
            return Ok(Json(page.answer(rows, place)));
        }
    }
}
