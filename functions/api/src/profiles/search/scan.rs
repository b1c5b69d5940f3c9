//! Looking through the customers for those who have something in common. There is no index behind this: a look takes
//! what time it has, and the cursor goes on.

use crate::api::Api;
use crate::failure::Failure;
use crate::page::{Page, PageQuery};
use crate::params::Params;
use crate::profiles::short;
use crate::scan::{Go, Visitor};
use crate::secret::Secret;
use axum::Json;
use roadbook_app::App;
use roadbook_customer::Customer;
use roadbook_kernel::{ActorKey, CustomerId, Moment, SegmentId};
use roadbook_lifecycle::Stage;
use roadbook_runtime::Row;
use roadbook_runtime::ports::Fault;
use serde_json::Value;

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

/// Gathers the customers of one page.
struct Look {
    wanted: Wanted,
    now: Moment,
    limit: usize,
    rows: Vec<Value>,
}

impl Visitor for Look {
    async fn visit(&mut self, _: &App, _: ActorKey, row: &Row<Customer>) -> Result<Go, Fault> {
        if row.state.is_live() && self.wanted.fits(&row.state, self.now) {
            self.rows.push(short(&row.state));
        }
        Ok(if self.rows.len() < self.limit { Go::On } else { Go::Enough })
    }
}

pub(super) async fn scan(
    api: &Api,
    secret: &Secret,
    page: &PageQuery<'_>,
    wanted: Wanted,
) -> Result<Json<Page>, Failure> {
    let place = |bytes: &[u8]| Some(CustomerId::from_u128(u128::from_be_bytes(bytes.try_into().ok()?)));
    let after = page.after.as_deref().and_then(place);
    let look = Look { wanted, now: api.engine().clock.now(), limit: page.limit, rows: Vec::new() };
    let scanned = api.scans.run(secret, after, look).await?;
    let next = scanned.last.filter(|_| !scanned.complete).map(|last| last.as_u128().to_be_bytes().to_vec());
    Ok(Json(page.answer(scanned.visitor.rows, next)))
}
