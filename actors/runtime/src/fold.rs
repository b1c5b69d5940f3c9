//! One turn: messages and due timers on one time line, each decided on what the earlier ones left.

use crate::deliver::horizon;
use crate::engine::{Engine, Tally};
use crate::hosted::{Admission, Hosted};
use crate::letters::{Letter, LetterKind, Undelivered};
use crate::message::{Message, Outcome};
use crate::mutants::mutant;
use crate::ports::{Fault, ItemKey};
use crate::record::Trigger;
use crate::working::WorkingSet;
use futures_util::FutureExt;
use roadbook_identity::WINDOW_MS;
use roadbook_kernel::{ActorKey, Draft, MessageId, Moment, Refusal};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What earlier tries of this turn have learned.
#[derive(Default)]
pub(crate) struct Verdicts {
    messages: BTreeMap<MessageId, Refused>,
    park: bool,
}

/// Why a message is taken out of its turn.
#[derive(Clone)]
enum Refused {
    No(Refusal),
    Defect,
}

/// One thing learned.
pub(crate) struct Verdict(Option<MessageId>, Refused);

impl Verdicts {
    pub(crate) fn add(&mut self, verdict: Verdict) {
        match verdict.0 {
            Some(id) => {
                self.messages.insert(id, verdict.1);
            }
            None => self.park = true,
        }
    }
}

/// How a fold ended.
pub(crate) enum Folded {
    /// The set is ready to be committed.
    Done(Fold),
    /// Fold again from the stored row, knowing this.
    Again(Verdict),
}

/// A finished fold.
pub(crate) struct Fold {
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) decided: usize,
    pub(crate) more_due: bool,
    pub(crate) now: Moment,
    applied_on: Vec<(usize, ActorKey)>,
    bytes: usize,
    grown: usize,
    timers: u64,
    late_ms: Vec<i64>,
    merges: u64,
}

impl Fold {
    /// Fills in the versions the commit has made.
    pub(crate) fn with_versions(&self, version: impl Fn(&ActorKey) -> Option<u64>) -> Vec<Outcome> {
        let mut outcomes = self.outcomes.clone();
        for (index, key) in &self.applied_on {
            let applied = Outcome::Applied { customer: key.as_customer(), version: version(key).unwrap_or(0) };
            outcomes[*index] = applied;
        }
        outcomes
    }

    /// Duplicates: all that a turn without a commit can have to count.
    pub(crate) fn count_known(&self, engine: &Engine) {
        let known = self.outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Duplicate { .. }));
        Tally::add(&engine.tally.duplicates, known.count() as u64);
    }

    pub(crate) fn count(&self, engine: &Engine, rows: usize) {
        let tally = &engine.tally;
        let fresh = |outcome: &&Outcome| matches!(outcome, Outcome::Applied { .. } | Outcome::Refused(_));
        Tally::add(&tally.turns, rows as u64);
        Tally::add(&tally.events, self.outcomes.iter().filter(fresh).count() as u64);
        self.count_known(engine);
        Tally::add(&tally.defects, self.outcomes.iter().filter(|one| matches!(one, Outcome::Defect)).count() as u64);
        Tally::add(&tally.timers, self.timers);
        self.late_ms.iter().for_each(|late_ms| tally.lateness.note(*late_ms));
        Tally::add(&tally.merges, self.merges);
    }
}

/// Folds `chunk` (indices into `messages`, in time order) and what is due onto the set.
pub(crate) async fn fold<D: Hosted>(
    engine: &Engine,
    scene: &mut D::Scene,
    set: &mut WorkingSet<D>,
    messages: &[Message<D::Command>],
    chunk: &[usize],
    poke: bool,
    verdicts: &Verdicts,
) -> Result<Folded, Fault> {
    let mut turn = Fold {
        outcomes: Vec::with_capacity(chunk.len()),
        decided: 0,
        more_due: false,
        now: Moment::MIN,
        applied_on: Vec::new(),
        bytes: 0,
        grown: 0,
        timers: 0,
        late_ms: Vec::new(),
        merges: 0,
    };
    // Timers may fire before the first message is decided: what the runs are pinned to must be there by then.
    D::prepare(engine, scene, set).await?;
    if verdicts.park {
        park(engine, set);
    } else if !chunk.is_empty() {
        // A message gives a parked actor another chance: what it brings may be the fix.
        set.now_on_mut().row.parked = false;
    }
    for index in chunk {
        let message = &messages[*index];
        let now = message.accepted.max(set.now_on().row.last_turn);
        // Strictly before: at one instant messages come first.
        if let Some(again) = fire_before(engine, scene, set, message.time(), now, &mut turn)? {
            return Ok(Folded::Again(again));
        }
        if turn.more_due {
            // The rest of what was due before this message comes first, in a turn of its own.
            break;
        }
        let decided = decide_one(engine, scene, set, message, now, verdicts).await?;
        if verdicts.park {
            // Also where a merge has moved the turn to another row.
            set.now_on_mut().row.parked = true;
        }
        let outcome = match decided {
            Decided::Applied(on) => {
                turn.applied_on.push((turn.outcomes.len(), on));
                turn.now = turn.now.max(now);
                Outcome::Applied { customer: on.as_customer(), version: 0 }
            }
            Decided::Other(outcome) => outcome,
            Decided::Again(verdict) => return Ok(Folded::Again(verdict)),
        };
        turn.outcomes.push(outcome);
        turn.decided += 1;
        let (bytes, grows) = D::bytes(&message.command);
        (turn.bytes, turn.grown) = (turn.bytes + bytes, turn.grown + grows);
        let limits = &engine.limits;
        let heavy = turn.bytes >= limits.turn_bytes_max || turn.grown >= limits.turn_growth_bytes_max;
        if heavy || set.weight().0 >= limits.turn_effects_max {
            break;
        }
    }
    if turn.decided == chunk.len() && !(poke && mutant!(PokesIgnored)) {
        let until = horizon(engine, messages, chunk, poke).max(turn.now);
        let past = until.plus_ms(1);
        if let Some(again) = fire_before(engine, scene, set, past, until, &mut turn)? {
            return Ok(Folded::Again(again));
        }
        if poke {
            heal_index(set, until);
        }
    }
    if turn.now == Moment::MIN {
        turn.now = horizon(engine, messages, chunk, poke).max(set.now_on().row.last_turn);
    }
    Ok(Folded::Done(turn))
}

enum Decided {
    Applied(ActorKey),
    Other(Outcome),
    Again(Verdict),
}

async fn decide_one<D: Hosted>(
    engine: &Engine,
    scene: &mut D::Scene,
    set: &mut WorkingSet<D>,
    message: &Message<D::Command>,
    now: Moment,
    verdicts: &Verdicts,
) -> Result<Decided, Fault> {
    let current = set.current;
    if is_known(engine, set, message).await? {
        return Ok(Decided::Other(Outcome::Duplicate { customer: current.as_customer() }));
    }
    if let Some(refused) = verdicts.messages.get(&message.id) {
        return Ok(Decided::Other(take_out(engine, set, message, refused).await?));
    }
    let admitted = AssertUnwindSafe(D::admit(engine, scene, set, message, now)).catch_unwind().await;
    let Ok(admitted) = admitted else { return Ok(Decided::Again(Verdict(Some(message.id), Refused::Defect))) };
    match admitted? {
        Admission::Admitted => {}
        Admission::Duplicate => return Ok(Decided::Other(Outcome::Duplicate { customer: current.as_customer() })),
        Admission::NotMine { forward, exists } => {
            let forward = forward.and_then(|key| key.as_customer());
            return Ok(Decided::Other(Outcome::NotMine { forward, exists }));
        }
        Admission::Refused(refusal) => return Ok(Decided::Again(Verdict(Some(message.id), Refused::No(refusal)))),
    }
    if is_over(engine, set, message) {
        let refusal = Refusal::new("customer_full", "this customer holds as much as one customer can; see the limits");
        return Ok(Decided::Again(Verdict(Some(message.id), Refused::No(refusal))));
    }
    D::prepare(engine, scene, set).await?;
    let (on, merged, at) = (set.current, set.merged, message.time().min(now));
    let working = set.now_on_mut();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut draft = Draft::new(&mut working.row.state, &mut working.facts, &mut working.effects);
        let decided = D::decide_message(scene, &mut draft, &on, message, at, now, merged);
        #[cfg(feature = "mutants")]
        crate::mutants::panic_where_poisoned(message.id);
        decided
    }));
    match result {
        Ok(Ok(())) => {}
        Ok(Err(refusal)) => return Ok(Decided::Again(Verdict(Some(message.id), Refused::No(refusal)))),
        Err(_) => return Ok(Decided::Again(Verdict(Some(message.id), Refused::Defect))),
    }
    record(engine, set, message, None);
    Ok(Decided::Applied(on))
}

/// Ordinary growth stops at the limit; merges, exits and withdrawals do not come here as observations with a letter.
fn is_over<D: Hosted>(engine: &Engine, set: &WorkingSet<D>, message: &Message<D::Command>) -> bool {
    set.now_on().row.state_bytes > D::state_bytes_max(engine) && D::letter(&message.command).is_some()
}

/// The duplicate check: the inbox, and for what lies before its window History.
async fn is_known<D: Hosted>(
    engine: &Engine,
    set: &WorkingSet<D>,
    message: &Message<D::Command>,
) -> Result<bool, Fault> {
    if mutant!(NoInbox) {
        return Ok(false);
    }
    if set.now_on().row.version == 0 && !set.now_on().row.inbox.is_full() && set.weight().1 == 0 {
        return Ok(false);
    }
    Ok(set.knows(engine, &set.current, message.id).await? || in_history(engine, set, &set.current, message).await?)
}

/// Whether History says that a customer of the set, or somebody they are or were one with, has decided a message. It is
/// asked only for what lies before the window of the inbox: that happened or was accepted then.
///
/// # Errors
/// A fault of History.
pub(crate) async fn in_history<D: Hosted>(
    engine: &Engine,
    set: &WorkingSet<D>,
    owner: &ActorKey,
    message: &Message<D::Command>,
) -> Result<bool, Fault> {
    let Some(working) = set.row(owner) else { return Ok(false) };
    let window = engine.wall.now().minus_ms(WINDOW_MS);
    if message.time() >= window || mutant!(HistoryNotAsked) {
        return Ok(false);
    }
    Tally::add(&engine.tally.history_lookups, 1);
    for key in D::former(owner, &working.row.state) {
        if engine.history.find(&key, message.id).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Records a message's id, and closes its entry.
fn record<D: Hosted>(engine: &Engine, set: &mut WorkingSet<D>, message: &Message<D::Command>, refused: Option<String>) {
    let wall = engine.wall.now();
    if mutant!(NoopsForgotten) && set.now_on().facts.is_empty() {
        return;
    }
    let working = set.now_on_mut();
    working.row.inbox.note(message.id.short(), wall);
    working.row.last_turn = working.row.last_turn.max(message.accepted);
    set.close(Trigger::Message { id: message.id, accepted: message.accepted, occurred: message.occurred, refused });
}

/// A refused or failing message leaves its id, its code, and where nobody is told a dead letter.
async fn take_out<D: Hosted>(
    engine: &Engine,
    set: &mut WorkingSet<D>,
    message: &Message<D::Command>,
    refused: &Refused,
) -> Result<Outcome, Fault> {
    let (reason, outcome) = match refused {
        Refused::No(refusal) => (refusal.clone(), Outcome::Refused(refusal.clone())),
        Refused::Defect => (
            Refusal::new("defect", "deciding this message failed; it is kept and can be replayed after a fix"),
            Outcome::Defect,
        ),
    };
    // A row that does not exist cannot remember the message: its letter does, or every re-send would write another.
    let is_buried = set.now_on().row.version == 0
        && engine.store.load(&ItemKey::letter_of(set.current.tenant, message.id)).await?.is_some();
    if let Some(body) = D::letter(&message.command).filter(|_| !is_buried) {
        Tally::add(&engine.tally.letters, 1);
        set.bury(Letter::new(Undelivered {
            tenant: set.current.tenant,
            message: message.id,
            kind: LetterKind::Command,
            source: String::new(),
            accepted: message.accepted,
            occurred: message.occurred,
            reason: reason.clone(),
            body,
        }));
    }
    // A row that does not exist is not founded by a message that came to nothing.
    if set.now_on().row.version > 0 || set.weight().1 > 0 {
        record(engine, set, message, Some(reason.code.into_owned()));
    }
    Ok(outcome)
}

/// Fires everything due before `limit`, instant by instant.
fn fire_before<D: Hosted>(
    engine: &Engine,
    scene: &D::Scene,
    set: &mut WorkingSet<D>,
    limit: Moment,
    now: Moment,
    turn: &mut Fold,
) -> Result<Option<Verdict>, Fault> {
    loop {
        let working = set.now_on();
        if working.row.parked {
            return Ok(None);
        }
        let early = mutant!(PokeByPayload) && turn.timers == 0 && turn.outcomes.is_empty();
        let Some(due) = working.row.state.next_due().filter(|due| *due < limit || early) else { return Ok(None) };
        if turn.timers as usize >= engine.limits.turn_timers_max || set.weight().0 >= engine.limits.turn_effects_max {
            turn.more_due = true;
            return Ok(None);
        }
        let at = if due == Moment::MIN { now } else { due };
        let key = set.current;
        let working = set.now_on_mut();
        let reached = working.row.last_turn;
        let fired = catch_unwind(AssertUnwindSafe(|| {
            let mut draft = Draft::new(&mut working.row.state, &mut working.facts, &mut working.effects);
            D::fire(engine, scene, &mut draft, &key, at, reached);
        }));
        // A timer that fires without moving its due instant would fire for ever: it is a defect like a panic.
        if fired.is_err() || set.now_on().row.state.next_due() == Some(due) {
            return Ok(Some(Verdict(None, Refused::Defect)));
        }
        turn.timers += 1;
        if due > Moment::MIN {
            turn.late_ms.push(engine.clock.now().since_ms(due));
        }
        turn.now = turn.now.max(at);
        set.close(Trigger::Due { at });
    }
}

/// Takes an actor whose timer cannot be fired out of the index, loudly.
fn park<D: Hosted>(engine: &Engine, set: &mut WorkingSet<D>) {
    let key = set.current;
    let working = set.now_on_mut();
    working.row.parked = true;
    working.touch();
    Tally::add(&engine.tally.parked, 1);
    tracing::error!(actor = ?key, "parked: a timer of this actor cannot be fired; it waits for the next message");
}

/// A poke that finds nothing to do while the stored due instant is past commits a recomputed one, or the sweep would
/// find it again for ever.
fn heal_index<D: Hosted>(set: &mut WorkingSet<D>, until: Moment) {
    let working = set.now_on_mut();
    let next = if working.row.parked { None } else { working.row.state.next_due() };
    if working.row.due.is_some_and(|due| due <= until) && next != working.row.due {
        working.touch();
    }
}
