//! Why somebody is in a segment, or is not.

use super::texts::{Said, Text, minute, say};
use super::{Because, Both, Names, answer, leaf};
use crate::api::Api;
use crate::failure::Failure;
use crate::past;
use crate::profiles;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use roadbook_audience::{Compiled, Condition, Explained, Shape};
use roadbook_kernel::SegmentId;
use serde_json::Value;
use std::sync::Arc;

/// Reasons the sentence names; all of them stand below it.
const REASONS_SAID_MAX: usize = 3;

/// `GET /v1/profiles/{id}/explain/segments/{seg}`. The answer is what the product acts on: the membership as it was
/// last judged. The reasons are those of this instant.
pub(crate) async fn segment(
    State(api): State<Arc<Api>>,
    secret: Secret,
    Both(id, segment): Both<SegmentId>,
) -> Result<Json<Value>, Failure> {
    let tenant = secret.tenant();
    let customer = profiles::live(&api, &secret, id).await?.state;
    let names = Names::load(&api, tenant).await?;
    let entry = names.0.segments.get(&segment).ok_or_else(|| Failure::not_found("segment"))?;
    let name = ("segment", names.segment(segment));
    let (None, Some((_, stored))) = (entry.archived, &entry.published) else {
        let text = if entry.archived.is_some() { Text::SegmentArchived } else { Text::SegmentDraft };
        return Ok(Json(answer(false, &say(text, &[name]), &[])));
    };
    let condition: Condition = serde_json::from_value(stored.clone()).map_err(|_| Failure::defect())?;
    let explained = Compiled::new(condition).explain(&customer, api.engine().clock.now());
    let leaves = explained.leaves();
    let wanted: Vec<u64> = leaves.iter().flat_map(|(leaf, _)| leaf::shorts(leaf)).collect();
    let messages = past::messages(&api, tenant, &customer, &wanted).await?;
    let mut because: Vec<Because> =
        leaves.iter().map(|(leaf, negated)| leaf::because(leaf, *negated, &names, &messages)).collect();

    let membership = customer.memberships.get(&segment);
    let inside = membership.is_some_and(|membership| membership.inside);
    let mut why = Vec::new();
    if inside == explained.truth.holds {
        let mut decisive = Vec::new();
        blame(&explained, &mut decisive);
        let said = because.iter().filter(|one| one.pointer.as_ref().is_some_and(|at| decisive.contains(&at.as_str())));
        why.extend(said.map(|one| one.said.clone()).take(REASONS_SAID_MAX));
    } else {
        let holds = say(if inside { Text::DoesNotHold } else { Text::Holds }, &[]);
        let unjudged = say(Text::SegmentUnjudged, &[("holds", holds)]);
        because.insert(0, Because::told("judgement", unjudged.clone()));
        why.push(unjudged);
    }
    let why = ("why", Said::list(why, ("；", "; ")));
    let sentence = match membership.filter(|_| inside) {
        Some(membership) => say(Text::SegmentIn, &[name, ("since", minute(membership.since)), why]),
        None => say(Text::SegmentOut, &[name, why]),
    };
    Ok(Json(answer(inside, &sentence, &because)))
}

/// The places of the parts that made the whole what it is: of an `all` that fails those that fail, of one that holds
/// every part, and the other way round for `any`.
fn blame<'e>(part: &'e Explained, found: &mut Vec<&'e str>) {
    let same = |one: &&Explained| one.truth.holds == part.truth.holds;
    match part.asked.shape() {
        Shape::Several => part.parts.iter().filter(same).for_each(|one| blame(one, found)),
        Shape::Negation => part.parts.iter().for_each(|one| blame(one, found)),
        Shape::Leaf => found.push(&part.pointer),
    }
}
