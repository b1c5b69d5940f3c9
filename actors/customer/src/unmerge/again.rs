//! The two while the past is decided again: whose each cause is, and what follows from it for them.

use super::{Happened, Past, Returned, has_left};
use crate::command::{Call, Command, ConsentWord, Observation};
use crate::event::{Cause, Event, Undecided};
use crate::state::Customer;
use crate::world::Begun;
use roadbook_audience::{Occurrence, TrackerId};
use roadbook_identity::IdentifierKey;
use roadbook_journey::RunEvent;
use roadbook_kernel::{CustomerId, Draft, Durable, MessageId, Moment, SegmentId, SendKey};
use roadbook_tenancy::{Standing, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    Stays,
    Returns,
}

const SIDES: [Side; 2] = [Side::Stays, Side::Returns];

/// The two while the past is decided again.
pub(super) struct Again<'p> {
    world: &'p dyn Past,
    begun: &'p Begun,
    /// By [`Side`].
    pub(super) state: [Customer; 2],
    reached: [Moment; 2],
    /// Facts of the one who comes back, of the cause at hand.
    facts: Vec<Event>,
    owner: BTreeMap<IdentifierKey, Side>,
    pub(super) returned: Vec<Returned>,
    pub(super) gone: Vec<MessageId>,
    pub(super) followed: Vec<CustomerId>,
    pub(super) review: Vec<Undecided>,
    /// Reports about sends that neither had asked for when they came.
    early: Vec<(Moment, SendKey, Event)>,
}

impl<'p> Again<'p> {
    /// The two as they were when they met, at `reached`.
    pub(super) fn new(
        world: &'p dyn Past,
        begun: &'p Begun,
        stays: Customer,
        returns: Customer,
        reached: Moment,
    ) -> Again<'p> {
        let owned = |customer: &Customer, side| -> Vec<(IdentifierKey, Side)> {
            customer.links.iter().map(|link| (link.identifier.key(), side)).collect()
        };
        let owner = owned(&stays, Side::Stays).into_iter().chain(owned(&returns, Side::Returns)).collect();
        Again {
            world,
            begun,
            state: [stays, returns],
            reached: [reached, reached],
            facts: Vec::new(),
            owner,
            returned: Vec::new(),
            gone: Vec::new(),
            followed: Vec::new(),
            review: Vec::new(),
            early: Vec::new(),
        }
    }

    pub(super) fn happen(&mut self, happened: &Happened) {
        let Some(message) = happened.message else {
            self.fire_both(happened.at.plus_ms(1));
            return;
        };
        // Strictly before: at one instant messages come first.
        self.fire_both(happened.at);
        let observed = happened.facts.iter().find_map(|fact| {
            let Event::Observed { observation, at, .. } = fact else { return None };
            Some((observation.clone(), *at))
        });
        match observed {
            Some((observation, at)) => self.observed(happened, message, &observation, at),
            None => self.told(happened, message),
        }
    }

    /// What was published in their time together was judged for both as one; each is judged by it now.
    pub(super) fn judge_all(&mut self, now: Moment) {
        for side in SIDES {
            let world = self.world.world(self.state[side as usize].id, None, now, now, self.begun);
            let rules = world.catalog.rules.clone();
            for segment in rules.segments() {
                let command = Command::Backfill { segment: Some(segment.id), found: BTreeMap::new() };
                self.decide(side, &command, None, now, now);
            }
            self.close(None, now);
        }
    }

    /// A message that has left keeps its outcome also where deciding again has not come to it, as long as the run it was
    /// sent by goes on: that may come to the same place yet, ask for it under the same key, and wait for an answer that
    /// has been.
    pub(super) fn keep_what_left(&mut self, past: &[Happened]) {
        for fact in past.iter().flat_map(|one| &one.facts) {
            let Event::Messaged { record } = fact else { continue };
            let going_on = |side: &Side| self.state[*side as usize].runs.contains_key(&record.run);
            if has_left(record)
                && self.asked(record.key).is_none()
                && let Some(side) = SIDES.into_iter().find(going_on)
            {
                self.emit(side, fact);
                self.close(None, record.asked_at);
            }
        }
        for (at, key, report) in std::mem::take(&mut self.early) {
            if let Some(side) = self.asked(key) {
                self.emit(side, &report);
                self.close(None, at);
            }
        }
    }

    /// Who has asked for a send.
    fn asked(&self, key: SendKey) -> Option<Side> {
        SIDES.into_iter().find(|side| self.state[*side as usize].sends.iter().any(|one| one.key == key))
    }

    /// An event: whose is it? Everything its cause changed in the identity goes with it.
    fn observed(&mut self, happened: &Happened, message: MessageId, observation: &Arc<Observation>, at: Moment) {
        let whose = self.whose(observation);
        let side = whose.unwrap_or(Side::Stays);
        if whose.is_none() {
            self.undecided(message, at, &observation.name, "both_are_named");
        }
        for fact in &happened.facts {
            self.identity(side, fact);
        }
        self.move_weak(side, observation, message, at);
        let command = Command::Observe(observation.clone());
        self.decide(side, &command, Some(message), at, happened.reached);
        if side == Side::Returns {
            self.gone.push(message);
        }
    }

    /// A device goes with the person of its newest identify, as it would have done between two.
    fn move_weak(&mut self, side: Side, observation: &Observation, message: MessageId, at: Moment) {
        for identifier in &observation.identifiers {
            let key = identifier.key();
            let owner = *self.owner.entry(key).or_insert(side);
            if owner == side || !identifier.kind.is_weak() || observation.call != Call::Identify {
                continue;
            }
            let link = self.state[owner as usize].links.iter().find(|link| link.identifier.key() == key);
            if link.is_none_or(|link| link.bound_at >= at) {
                continue;
            }
            let (grade, to) = (observation.grade(identifier.kind), self.state[side as usize].id);
            self.owner.insert(key, side);
            self.emit(owner, &Event::Unlinked { identifier: key, to, by: message, at });
            let linked =
                Event::Linked { identifier: identifier.clone(), by: message, at, moved: true, grade, parent: None };
            self.emit(side, &linked);
        }
    }

    /// The strongest identifier that one of the two had decides, as it does for every event. Two accounts of both are a
    /// contradiction that no rule resolves.
    fn whose(&self, observation: &Observation) -> Option<Side> {
        let named: Vec<(bool, Side)> = observation
            .identifiers
            .iter()
            .filter_map(|one| Some((one.kind.is_weak(), *self.owner.get(&one.key())?)))
            .collect();
        let (_, side) = *named.first()?;
        let strong: BTreeSet<bool> =
            named.iter().filter(|(weak, _)| !weak).map(|(_, side)| *side == Side::Stays).collect();
        (strong.len() < 2).then_some(side)
    }

    /// A command, a report or a sweep: what it changed, given to whom it belongs.
    fn told(&mut self, happened: &Happened, message: MessageId) {
        let mut judged = Vec::new();
        let mut attended = BTreeSet::new();
        let mut found = BTreeMap::new();
        for fact in &happened.facts {
            match fact {
                Event::ConsentNoted { purpose, channel, standing, .. } => {
                    self.undecided(message, happened.at, "consent", "no_identifier");
                    let Standing { verdict, text_version, evidence, .. } = standing.clone();
                    let word = ConsentWord { purpose: *purpose, channel: *channel, verdict, text_version, evidence };
                    let command = Command::NoteConsent(word);
                    for side in SIDES {
                        if verdict == Verdict::Withdrawn || side == Side::Stays {
                            self.decide(side, &command, Some(message), standing.as_of, happened.reached);
                        }
                    }
                }
                Event::SendReported { key, .. } => match self.asked(*key) {
                    Some(side) => self.emit(side, fact),
                    None => self.early.push((happened.at, *key, fact.clone())),
                },
                Event::Backfilled { found: all } => found.clone_from(all),
                Event::SegmentJudged { segment, .. } => judged.push(*segment),
                Event::Journey { journey, step: RunEvent::Released { .. } | RunEvent::Ended { .. } } => {
                    attended.insert(*journey);
                }
                // It followed from a journey that went on, and follows from it again.
                Event::TagSet { cause: Cause::Journey(journey), .. } if attended.contains(journey) => {}
                Event::TagSet { tag, .. } => {
                    self.undecided(message, happened.at, tag, "no_identifier");
                    self.emit(Side::Stays, fact);
                }
                Event::Linked { .. }
                | Event::Unlinked { .. }
                | Event::Unbound { .. }
                | Event::LinkRefused { .. }
                | Event::Absorbed { .. } => self.identity(Side::Stays, fact),
                // They follow from what is decided again, or are facts of a life's beginning and end.
                Event::Founded { .. }
                | Event::MergedInto { .. }
                | Event::Parted { .. }
                | Event::Observed { .. }
                | Event::CarRelated { .. }
                | Event::CarReleased { .. }
                | Event::StageRipened { .. }
                | Event::StageMoved { .. }
                | Event::TagExpired { .. }
                | Event::TraitSet { .. }
                | Event::Journey { .. }
                | Event::Messaged { .. }
                | Event::CascadeStopped { .. } => {}
            }
        }
        if !judged.is_empty() || !found.is_empty() {
            self.counted(&judged, &found, message, happened);
        }
        for (journey, side) in attended.into_iter().flat_map(|journey| SIDES.map(|side| (journey, side))) {
            self.decide(side, &Command::Attend { journey }, Some(message), happened.at, happened.reached);
        }
    }

    /// A sweep had found past events: each goes to the one whose they were.
    fn counted(
        &mut self,
        judged: &[SegmentId],
        found: &BTreeMap<TrackerId, (u32, Vec<Occurrence>)>,
        message: MessageId,
        happened: &Happened,
    ) {
        let gone: BTreeSet<u64> = self.gone.iter().map(|message| message.short()).collect();
        for side in SIDES {
            let theirs = |one: &&Occurrence| {
                let returned = gone.contains(&one.id) || self.world.was_theirs(one.id);
                returned == (side == Side::Returns)
            };
            let mine: BTreeMap<_, _> = found
                .iter()
                .map(|(id, (_, all))| (*id, all.iter().filter(theirs).copied().collect::<Vec<_>>()))
                .filter(|(_, all)| !all.is_empty())
                .collect();
            // What only journeys count is found without a segment to judge.
            for segment in judged.iter().copied().map(Some).chain(judged.is_empty().then_some(None)) {
                let command = Command::Backfill { segment, found: mine.clone() };
                self.decide(side, &command, Some(message), happened.at, happened.reached);
                if let Some(segment) = segment {
                    self.decide(side, &Command::Leave { segment }, Some(message), happened.at, happened.reached);
                }
            }
        }
    }

    /// Who is who: links, moves and merges of the time together.
    fn identity(&mut self, side: Side, fact: &Event) {
        match fact {
            Event::Linked { identifier, .. } => {
                self.owner.insert(identifier.key(), side);
                self.emit(side, fact);
            }
            Event::Unlinked { .. } | Event::Unbound { .. } => SIDES.into_iter().for_each(|side| self.emit(side, fact)),
            Event::LinkRefused { .. } => self.emit(side, fact),
            Event::Absorbed { loser, version, shared, by, at, .. } => {
                let Some(state) = self.world.tombstone(*loser) else { return };
                for link in &state.links {
                    self.owner.insert(link.identifier.key(), side);
                }
                if side == Side::Returns {
                    self.followed.push(*loser);
                }
                let (state, shared) = (Some(state), shared.clone());
                let absorbed = Event::Absorbed { loser: *loser, version: *version, state, shared, by: *by, at: *at };
                self.emit(side, &absorbed);
                let reached = self.reached[side as usize].max(*at);
                let world = self.world.world(self.state[side as usize].id, Some(*by), *at, reached, self.begun);
                let mut facts = Vec::new();
                Customer::after_merge(
                    &mut Draft::new(&mut self.state[side as usize], &mut facts, &mut Vec::new()),
                    &world,
                );
                self.keep(side, facts);
            }
            Event::Founded { .. }
            | Event::MergedInto { .. }
            | Event::Parted { .. }
            | Event::Observed { .. }
            | Event::CarRelated { .. }
            | Event::CarReleased { .. }
            | Event::StageRipened { .. }
            | Event::StageMoved { .. }
            | Event::Backfilled { .. }
            | Event::ConsentNoted { .. }
            | Event::TagSet { .. }
            | Event::TagExpired { .. }
            | Event::TraitSet { .. }
            | Event::SegmentJudged { .. }
            | Event::Journey { .. }
            | Event::Messaged { .. }
            | Event::SendReported { .. }
            | Event::CascadeStopped { .. } => {}
        }
    }

    fn decide(&mut self, side: Side, command: &Command, message: Option<MessageId>, at: Moment, reached: Moment) {
        let state = &mut self.state[side as usize];
        let reached = self.reached[side as usize].max(reached).max(at);
        self.reached[side as usize] = reached;
        let world = self.world.world(state.id, message, at, reached, self.begun);
        let mut facts = Vec::new();
        // A refusal came to nothing then, too.
        let _ = Customer::decide(&mut Draft::new(state, &mut facts, &mut Vec::new()), command, &world);
        self.keep(side, facts);
    }

    /// Fires what is due before `limit` for both.
    pub(super) fn fire_both(&mut self, limit: Moment) {
        SIDES.into_iter().for_each(|side| self.fire(side, limit));
    }

    /// Fires what is due before `limit`, instant by instant.
    fn fire(&mut self, side: Side, limit: Moment) {
        loop {
            let state = &mut self.state[side as usize];
            let Some(due) = state.next_due().filter(|due| *due < limit) else { return };
            let at = if due == Moment::MIN { self.reached[side as usize] } else { due };
            let reached = self.reached[side as usize].max(at);
            let world = self.world.world(state.id, None, at, reached, self.begun);
            let mut facts = Vec::new();
            Customer::fire(&mut Draft::new(state, &mut facts, &mut Vec::new()), &world);
            self.reached[side as usize] = reached;
            self.keep(side, facts);
            self.close(None, at);
            // A timer that does not move would fire for ever; the engine parks such an actor.
            if self.state[side as usize].next_due() == Some(due) {
                return;
            }
        }
    }

    /// Ends a cause for the one who comes back.
    pub(super) fn close(&mut self, of: Option<usize>, at: Moment) {
        if !self.facts.is_empty() {
            let facts = std::mem::take(&mut self.facts);
            self.returned.push(Returned { of, at, facts });
        }
    }

    fn emit(&mut self, side: Side, fact: &Event) {
        self.state[side as usize].evolve(fact);
        self.keep(side, vec![fact.clone()]);
    }

    fn keep(&mut self, side: Side, facts: Vec<Event>) {
        if side == Side::Returns {
            self.facts.extend(facts);
        }
    }

    fn undecided(&mut self, message: MessageId, at: Moment, what: &str, why: &'static str) {
        let id = self.world.review(message);
        self.review.push(Undecided { id, message, at, what: what.to_owned(), why: why.into() });
    }
}
