//! Who would be in a segment that nobody has saved yet: counted over the tenant's customers, now.

use super::catalog;
use crate::api::Api;
use crate::failure::Failure;
use crate::fields::Fields;
use crate::profiles::short;
use crate::scan::{Go, Visitor};
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use roadbook_app::App;
use roadbook_audience::{AiplStage, Compiled, JourneyState, Stage, Subject, Tracker, TrackerId, TrackerSpec, parse};
use roadbook_catalog::Published;
use roadbook_customer::Customer;
use roadbook_kernel::{ActorKey, JourneyId, Moment, SegmentId, TenantId};
use roadbook_runtime::ports::{Fault, ItemKey};
use roadbook_runtime::{Aim, Row, past, sweep_of};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Short profiles shown unless asked otherwise, and the most.
const SAMPLE: u64 = 5;
const SAMPLE_MAX: u64 = 20;

/// `POST /v1/segments/preview {condition, sample?}`: how many customers it holds for and a few of them. What the
/// customers do not count yet is read from their past. `complete` is false where the time was over before everybody
/// was looked at; `count` is then of the `scanned` first ones.
pub(crate) async fn preview(
    State(api): State<Arc<Api>>,
    secret: Secret,
    mut fields: Fields,
) -> Result<Json<Value>, Failure> {
    let tenant = secret.tenant();
    let (condition, sample) = (fields.required("condition"), sample_size(&mut fields));
    fields.close()?;
    let Some(condition) = condition else { return Err(Failure::defect()) };
    catalog(&api, tenant).await?.check_condition(&condition).map_err(Failure::refused)?;
    let compiled = Compiled::new(parse(&condition).map_err(|_| Failure::defect())?);

    let engine = api.engine();
    let published = engine.catalogs.at_least(engine, tenant, 0).await?;
    let problems = unpublished(&published, &compiled, &condition);
    let visitor = Preview {
        unseen: unseen(&api, tenant, &published, &compiled).await?,
        compiled,
        now: engine.clock.now(),
        scanned: 0,
        count: 0,
        sample_max: sample,
        sample: Vec::new(),
    };
    let scanned = api.scans.run(&secret, None, visitor).await?;
    let (seen, complete) = (scanned.visitor, scanned.complete);
    // As far as the relay has come, and never fewer than were just seen.
    let known = engine.store.load(&ItemKey::counter(tenant, "customers")).await?.map_or(0, |item| item.amount());
    let known = u64::try_from(known).unwrap_or(0).max(seen.scanned);
    let customers = if complete { seen.scanned } else { known };
    let mut shown = json!({
        "count": seen.count,
        "scanned": seen.scanned,
        "customers": customers,
        "complete": complete,
        "sample": seen.sample,
    });
    if !problems.is_empty() {
        shown["problems"] = Value::Array(problems);
    }
    Ok(Json(shown))
}

fn sample_size(fields: &mut Fields) -> usize {
    let Some(value) = fields.optional("sample") else { return SAMPLE as usize };
    match value.as_u64().filter(|size| *size <= SAMPLE_MAX) {
        Some(size) => size as usize,
        None => {
            fields.wrong("sample", "bad_number", format!("put a whole number here, 0 to {SAMPLE_MAX}"));
            0
        }
    }
}

/// Nobody is in a segment that is not published: a count over one says little.
fn unpublished(published: &Published, compiled: &Compiled, condition: &Value) -> Vec<Value> {
    let missing: BTreeSet<SegmentId> =
        compiled.reads().segments.iter().copied().filter(|id| published.rules.index_of(*id).is_none()).collect();
    let places = roadbook_catalog::places(condition, &missing, "/condition");
    let detail = "this segment is not published, so nobody counts as inside; publish it first";
    places
        .into_iter()
        .map(|pointer| json!({ "pointer": pointer, "code": "segment_not_published", "detail": detail }))
        .collect()
}

/// The trackers that customers' states do not hold for certain: their past must be read.
async fn unseen(
    api: &Api,
    tenant: TenantId,
    published: &Published,
    compiled: &Compiled,
) -> Result<Vec<TrackerSpec>, Failure> {
    let mut unseen = Vec::new();
    for wanted in compiled.trackers() {
        let mut counted = false;
        for index in 0..published.rules.len() {
            let rule = published.rules.segment(index);
            if rule.compiled.trackers().iter().any(|held| held.id == wanted.id && held.keep >= wanted.keep) {
                let sweep = sweep_of(api.engine(), tenant, Aim::Segment(rule.id)).await?;
                counted |= sweep.is_some_and(|sweep| sweep.done);
            }
        }
        if !counted {
            unseen.push(wanted.clone());
        }
    }
    Ok(unseen)
}

struct Preview {
    compiled: Compiled,
    unseen: Vec<TrackerSpec>,
    now: Moment,
    scanned: u64,
    count: u64,
    sample_max: usize,
    sample: Vec<Value>,
}

impl Visitor for Preview {
    async fn visit(&mut self, app: &App, actor: ActorKey, row: &Row<Customer>) -> Result<Go, Fault> {
        let customer = &row.state;
        if !customer.is_live() {
            return Ok(Go::On);
        }
        let past = self.past(app, actor, customer).await?;
        let subject = WithPast { customer, unseen: &self.unseen, past };
        self.scanned += 1;
        if self.compiled.evaluate(&subject, self.now.max(row.last_turn)).holds {
            self.count += 1;
            if self.sample.len() < self.sample_max {
                self.sample.push(short(customer));
            }
        }
        Ok(Go::On)
    }
}

impl Preview {
    /// What happened under every id the customer ever had.
    async fn past(
        &self,
        app: &App,
        actor: ActorKey,
        customer: &Customer,
    ) -> Result<BTreeMap<TrackerId, Tracker>, Fault> {
        let mut all = past(&app.engine, &self.unseen, &actor).await?;
        for former in customer.absorbed.keys() {
            let former = past(&app.engine, &self.unseen, &ActorKey::customer(actor.tenant, *former)).await?;
            for spec in &self.unseen {
                if let Some(theirs) = former.get(&spec.id) {
                    all.entry(spec.id).or_default().join(theirs, spec.keep);
                }
            }
        }
        Ok(all)
    }
}

/// A customer who also counts what is not counted in their state.
struct WithPast<'a> {
    customer: &'a Customer,
    unseen: &'a [TrackerSpec],
    past: BTreeMap<TrackerId, Tracker>,
}

impl Subject for WithPast<'_> {
    fn trait_value(&self, key: &str) -> Option<Cow<'_, Value>> {
        self.customer.trait_value(key)
    }

    fn tag(&self, key: &str) -> Option<&str> {
        self.customer.tag(key)
    }

    fn in_segment(&self, id: SegmentId) -> bool {
        self.customer.in_segment(id)
    }

    fn stage(&self) -> Option<Stage> {
        self.customer.stage()
    }

    fn aipl(&self) -> Option<AiplStage> {
        self.customer.aipl()
    }

    fn journey_is(&self, id: JourneyId, state: JourneyState) -> bool {
        self.customer.journey_is(id, state)
    }

    fn journey_ended(&self, id: JourneyId, outcome: JourneyState) -> Option<Moment> {
        self.customer.journey_ended(id, outcome)
    }

    fn any_vehicle(&self, passes: &mut dyn FnMut(&str, &dyn Subject) -> bool) -> bool {
        self.customer.any_vehicle(passes)
    }

    fn tracker(&self, id: TrackerId) -> Option<&Tracker> {
        if self.unseen.iter().any(|spec| spec.id == id) { self.past.get(&id) } else { self.customer.tracker(id) }
    }
}
