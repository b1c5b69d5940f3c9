//! A journey asks for a message: may it go, where to, and what does it say.

use super::reaction::Reaction;
use crate::effect::{Effect, Outbound};
use crate::event::Event;
use crate::sends::{SendRecord, SendStatus};
use crate::state::Customer;
use roadbook_identity::Kind;
use roadbook_journey::{Member, Recipient, Run, RunEvent, SendPlan};
use roadbook_kernel::Personal;
use roadbook_tenancy::{Address, Contact, Permit, permit};
use serde_json::{Map, Value, json};

impl Reaction<'_, '_, '_> {
    /// Intends one send, or records why not. The key is the same however often this turn is decided again.
    pub(super) fn message(&mut self, run: &Run, plan: &SendPlan) {
        let iteration = run.next_iteration(&plan.node);
        let key = self.world.keys.send(run.id, &plan.node, iteration);
        let step = RunEvent::SendIntended { run: run.id, node: plan.node.clone(), iteration };
        self.emit(Event::Journey { journey: run.journey, step });

        let state = self.state();
        let content = plan.render(&template_data(state, run));
        let grant = grant_of(plan);
        let verdict = permit(&state.consents, plan.purpose, plan.channel, || find_contact(state, plan, &grant));
        let mut record = SendRecord {
            key,
            journey: run.journey,
            run: run.id,
            node: plan.node.clone(),
            channel: plan.channel,
            purpose: plan.purpose,
            grant,
            asked_at: self.at(),
            status: SendStatus::Intended,
        };
        match (verdict, content) {
            (Permit::Suppress(reason), _) => {
                record.status = SendStatus::Suppressed { reason };
                self.emit(Event::Messaged { record });
            }
            (Permit::Send(_), Err(_)) => {
                let outcome = crate::SendOutcome::Failed { reason: "template_failed".into() };
                record.status = SendStatus::Reported { outcome, at: self.at() };
                self.emit(Event::Messaged { record });
            }
            (Permit::Send(to), Ok(content)) => {
                let template = plan.template().unwrap_or_default().to_owned();
                let content = Personal::new(content);
                self.emit(Event::Messaged { record });
                let tenant = self.world.tenant;
                let (purpose, channel) = (plan.purpose, plan.channel);
                let outbound = Outbound { tenant, key, purpose, channel, to, template, content };
                self.draft.intend(Effect::Send(outbound));
            }
        }
    }
}

/// What templates may say: `traits.*`, `tags.*`, and `entry.*`, the properties of the event that began the run.
fn template_data(state: &Customer, run: &Run) -> Value {
    let traits: Map<String, Value> = state
        .traits
        .iter()
        .filter_map(|(key, known)| known.value().map(|value| (key.clone(), value.into_owned())))
        .collect();
    let tags: Map<String, Value> = state
        .tags
        .iter()
        .filter_map(|(key, tag)| tag.value.as_ref().map(|value| (key.clone(), Value::from(value.as_str()))))
        .collect();
    json!({ "traits": traits, "tags": tags, "entry": run.entry.reveal() })
}

/// `appid/template` where the send uses up a subscribe grant, else empty.
fn grant_of(plan: &SendPlan) -> String {
    match &plan.to {
        Recipient::MiniprogramSubscribe { appid } => {
            plan.template().map(|template| format!("{appid}/{template}")).unwrap_or_default()
        }
        Recipient::WecomSeller { .. } | Recipient::WecomGroupTask { .. } | Recipient::Recording => String::new(),
    }
}

fn find_contact(state: &Customer, plan: &SendPlan, grant: &str) -> Contact {
    let found = match &plan.to {
        Recipient::Recording => Some(Address::Nowhere),
        Recipient::WecomSeller { corp, member } => {
            find_member(state, member).map(|member| Address::WecomSeller { corp: corp.clone(), member })
        }
        Recipient::WecomGroupTask { corp, member } => {
            let external = find_identifier(state, Kind::ExternalUserid, corp);
            let member = find_member(state, member);
            external.zip(member).map(|(external_userid, member)| Address::WecomCustomer {
                corp: corp.clone(),
                member,
                external_userid,
            })
        }
        Recipient::MiniprogramSubscribe { appid } => match find_identifier(state, Kind::Openid, appid) {
            Some(_) if state.grants.get(grant).is_none_or(|grants| grants.left() == 0) => return Contact::Exhausted,
            found => found.map(|openid| Address::Miniprogram { appid: appid.clone(), openid }),
        },
    };
    found.map_or(Contact::Unknown, Contact::Reachable)
}

fn find_member(state: &Customer, member: &Member) -> Option<Personal<String>> {
    match member {
        Member::Literal(userid) => Some(Personal::new(userid.clone())),
        Member::Trait(key) => {
            let value = state.traits.get(key)?.value()?;
            value.as_str().filter(|text| !text.is_empty()).map(|text| Personal::new(text.to_owned()))
        }
    }
}

/// The newest identifier of a kind in a scope: people change phones and reinstall apps.
fn find_identifier(state: &Customer, kind: Kind, scope: &str) -> Option<Personal<String>> {
    let fits = |link: &&crate::state::Link| link.identifier.kind == kind && link.identifier.scope == scope;
    state.links.iter().filter(fits).max_by_key(|link| link.at).map(|link| link.identifier.value.clone())
}
