//! Taking an identifier from its customer.

use crate::claim::Claim;
use crate::engine::Engine;
use crate::gate::{Customers, elsewhere};
use crate::hosted::Admission;
use crate::message::Message;
use crate::ports::Fault;
use roadbook_customer::{Command, Event, Link};
use roadbook_identity::IdentifierKey;
use roadbook_kernel::{Moment, Refusal};

/// Takes an identifier from its customer, with those that hang on it. Their claims stay, released: what was sent by
/// them before may come again, and must be found.
pub(crate) async fn unbind(
    engine: &Engine,
    set: &mut Customers,
    message: &Message<Command>,
    identifier: &IdentifierKey,
    now: Moment,
) -> Result<Admission, Fault> {
    if let Some(elsewhere) = elsewhere(engine, set).await? {
        return Ok(elsewhere);
    }
    let state = &set.now_on().row.state;
    if !state.owns(identifier) {
        let detail = "this customer has no such identifier; read the profile again";
        return Ok(Admission::Refused(Refusal::new("no_such_identifier", detail)));
    }
    let goes = |link: &&Link| link.identifier.key() == *identifier || link.parent == Some(*identifier);
    let gone: Vec<IdentifierKey> = state.links.iter().filter(goes).map(|link| link.identifier.key()).collect();
    if gone.len() == state.links.len() {
        let detail = "nothing would lead to this customer any more; bind another identifier first";
        return Ok(Admission::Refused(Refusal::new("last_identifier", detail)));
    }
    for key in &gone {
        let Some(claim) = set.claim(engine, *key).await?.cloned() else { continue };
        let past = claim.past_with(Some(set.now_on().row.state.id), now);
        set.set_claim(*key, Claim { owner: claim.owner, past, released: true });
    }
    set.now_on_mut().emit(Event::Unbound { identifiers: gone, by: message.id, at: message.time() });
    Ok(Admission::Admitted)
}
