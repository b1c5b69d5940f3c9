//! The rows and claims one turn has read, as it changes them. It becomes one commit, or nothing.

use crate::claim::{Claim, read_claim, write_claim};
use crate::engine::Engine;
use crate::hosted::Hosted;
use crate::inbox::{self, Lookup};
use crate::laws::uphold;
use crate::letters::Letter;
use crate::mutants::mutant;
use crate::ports::{Commit, Due, DueKind, Expect, Fault, Item, ItemKey, Put, Turn};
use crate::record::{Body, Entry, Front, Trigger, write};
use crate::row::Row;
use roadbook_customer::Topics;
use roadbook_identity::IdentifierKey;
use roadbook_kernel::{ActorKey, CustomerId, MessageId, Moment};
use std::collections::{BTreeMap, BTreeSet, btree_map};

/// A claim as read, and as it will be written.
struct WorkingClaim {
    version: u64,
    claim: Option<Claim>,
    changed: bool,
}

/// One row in the hands of a turn.
pub struct Working<D: Hosted> {
    /// The row as the turn has left it so far.
    pub row: Row<D>,
    entries: Vec<Entry<D::Event>>,
    /// Places of entries that were counted when they were first decided.
    counted: BTreeSet<usize>,
    /// Facts of the cause that is being decided.
    pub facts: Vec<D::Event>,
    /// Effects of the whole turn.
    pub effects: Vec<D::Effect>,
    read_due: Option<Moment>,
    touched: bool,
}

impl<D: Hosted> Working<D> {
    fn new(row: Row<D>) -> Self {
        let read_due = row.due;
        Self {
            row,
            entries: Vec::new(),
            counted: BTreeSet::new(),
            facts: Vec::new(),
            effects: Vec::new(),
            read_due,
            touched: false,
        }
    }

    /// Records a fact of the cause being decided and applies it.
    pub fn emit(&mut self, event: D::Event) {
        self.row.state.evolve(&event);
        self.facts.push(event);
    }

    /// The state this row had before the cause that is being decided: `stored`, with the facts of this turn so far.
    pub(crate) fn before_cause(&self, stored: D) -> D {
        let mut state = stored;
        self.entries.iter().flat_map(|entry| &entry.facts).for_each(|fact| state.evolve(fact));
        state
    }

    /// Writes this row at the end of the turn, even if nothing but its inbox or its due instant changed.
    pub fn touch(&mut self) {
        self.touched = true;
    }

    /// Intends to tell the tenant's endpoints what they asked for. Costs nothing where there is none.
    fn announce(&mut self, topics: Topics) {
        if topics.is_empty() {
            return;
        }
        let fresh = self.entries.iter().enumerate().filter(|(place, _)| !self.counted.contains(place));
        let facts = fresh.flat_map(|(_, entry)| &entry.facts);
        self.effects.extend(facts.filter_map(|fact| D::announce(&self.row.state, fact, topics)));
    }

    /// Adds a cause that was decided elsewhere, with its facts already applied and counted.
    pub(crate) fn append(&mut self, cause: Trigger, facts: Vec<D::Event>) {
        self.touched = true;
        self.counted.insert(self.entries.len());
        self.entries.push(Entry { cause, facts });
    }

    fn close(&mut self, cause: Trigger) {
        self.touched = true;
        self.entries.push(Entry { cause, facts: std::mem::take(&mut self.facts) });
    }
}

/// Everything a turn holds.
pub struct WorkingSet<D: Hosted> {
    rows: BTreeMap<ActorKey, Working<D>>,
    claims: BTreeMap<IdentifierKey, WorkingClaim>,
    letters: Vec<Letter>,
    /// The row messages are decided on. A merge may move it to the survivor.
    pub current: ActorKey,
    /// Whether the message at hand merged two rows.
    pub merged: bool,
}

impl<D: Hosted> WorkingSet<D> {
    /// A set that begins with one row.
    pub fn new(key: ActorKey, row: Row<D>) -> Self {
        let rows = BTreeMap::from([(key, Working::new(row))]);
        Self { rows, claims: BTreeMap::new(), letters: Vec::new(), current: key, merged: false }
    }

    /// The row messages are decided on.
    pub fn now_on(&self) -> &Working<D> {
        &self.rows[&self.current]
    }

    /// The row messages are decided on, to be changed.
    pub fn now_on_mut(&mut self) -> &mut Working<D> {
        self.rows.get_mut(&self.current).expect("the current row is always in the set")
    }

    /// Another row that was loaded.
    pub fn row(&self, key: &ActorKey) -> Option<&Working<D>> {
        self.rows.get(key)
    }

    /// Another row that was loaded, to be changed.
    pub fn row_mut(&mut self, key: &ActorKey) -> Option<&mut Working<D>> {
        self.rows.get_mut(key)
    }

    /// Loads a row into the set.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn load(&mut self, engine: &Engine, key: ActorKey) -> Result<&Working<D>, Fault> {
        if let btree_map::Entry::Vacant(place) = self.rows.entry(key) {
            place.insert(Working::new(load_row(engine, &key).await?));
        }
        Ok(&self.rows[&key])
    }

    /// Reads a claim into the set. One that was released counts as none: see [`WorkingSet::past_of`].
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn claim(&mut self, engine: &Engine, key: IdentifierKey) -> Result<Option<&Claim>, Fault> {
        if !self.claims.contains_key(&key) {
            let item = engine.store.load(&ItemKey::claim(self.current.tenant, &key)).await?;
            let (version, claim) = match item {
                None => (0, None),
                Some(item) => (item.version, Some(read_claim(&item)?)),
            };
            self.claims.insert(key, WorkingClaim { version, claim, changed: false });
        }
        Ok(self.claims[&key].claim.as_ref().filter(|claim| !claim.released))
    }

    /// Who an identifier led to before, of a claim that was read.
    pub fn past_of(&self, key: &IdentifierKey) -> Vec<(CustomerId, Moment)> {
        self.claims.get(key).and_then(|working| Some(working.claim.as_ref()?.past.clone())).unwrap_or_default()
    }

    /// Changes a claim that was read.
    pub fn set_claim(&mut self, key: IdentifierKey, claim: Claim) {
        if let Some(working) = self.claims.get_mut(&key) {
            working.claim = Some(claim);
            working.changed = true;
        }
    }

    /// Whether a row has decided a message. Reads its pages where the filter cannot say no.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn knows(&self, engine: &Engine, key: &ActorKey, message: MessageId) -> Result<bool, Fault> {
        let Some(working) = self.rows.get(key) else { return Ok(false) };
        match working.row.inbox.lookup(message.short()) {
            Lookup::Known => Ok(true),
            Lookup::New => Ok(false),
            Lookup::AskPages => {
                crate::engine::Tally::add(&engine.tally.page_reads, 1);
                for page in working.row.inbox.pages() {
                    let entries = read_page(engine, key, page).await?;
                    if entries.iter().any(|entry| entry.id == message.short()) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    /// Ends a cause: the facts of the current row are its entry; every other row it changed gets one too.
    pub fn close(&mut self, cause: Trigger) {
        let beside = match &cause {
            Trigger::Message { id, .. } | Trigger::Beside { id } => Some(*id),
            Trigger::Due { .. } => None,
        };
        let current = self.current;
        for (key, working) in &mut self.rows {
            if *key == current {
                working.close(cause.clone());
            } else if let Some(id) = beside.filter(|_| !working.facts.is_empty()) {
                working.close(Trigger::Beside { id });
            }
        }
        self.merged = false;
    }

    /// Keeps a message for the dead letters of this commit.
    pub fn bury(&mut self, letter: Letter) {
        self.letters.push(letter);
    }

    /// Effects and facts so far, to know when to commit.
    pub fn weight(&self) -> (usize, usize) {
        let effects = self.rows.values().map(|working| working.effects.len()).sum();
        let entries = self.rows.values().map(|working| working.entries.len()).sum();
        (effects, entries)
    }

    /// Whether anything at all must be written.
    pub fn is_changed(&self) -> bool {
        !self.letters.is_empty() || self.rows.values().any(|working| working.touched)
    }

    /// The row of `key` of a turn that changed nothing.
    pub fn into_row(mut self, key: &ActorKey) -> Option<Row<D>> {
        self.rows.remove(key).map(|working| working.row).filter(|row| row.version > 0)
    }

    /// Turns the set into one commit and the rows as they will be.
    ///
    /// # Errors
    /// A fault while pages are read, or a state that cannot be written.
    pub async fn into_commit(
        mut self,
        engine: &Engine,
        edition: u64,
        now: Moment,
    ) -> Result<(Commit, BTreeMap<ActorKey, Row<D>>), Fault> {
        let mut commit = Commit::default();
        let mut rows = BTreeMap::new();
        let topics = engine.subscriptions.of(engine, self.current.tenant).await?.topics;
        for (key, mut working) in std::mem::take(&mut self.rows) {
            if working.touched {
                working.announce(topics);
                rows.insert(key, put_row(engine, &mut commit, key, working, edition, now).await?);
            }
        }
        for (key, working) in std::mem::take(&mut self.claims) {
            let (true, Some(claim)) = (working.changed, working.claim) else { continue };
            let expect = if mutant!(NoClaimCondition) {
                Expect::Anything
            } else if working.version == 0 {
                Expect::Absent
            } else {
                Expect::Version(working.version)
            };
            let item = Item { version: working.version + 1, body: write_claim(&claim)? };
            commit.puts.push(Put { key: ItemKey::claim(self.current.tenant, &key), expect, item: Some(item) });
        }
        for letter in std::mem::take(&mut self.letters) {
            commit.puts.extend(letter.puts()?);
        }
        uphold(engine, &self.current, &commit, &rows)?;
        Ok((commit, rows))
    }
}

async fn put_row<D: Hosted>(
    engine: &Engine,
    commit: &mut Commit,
    key: ActorKey,
    mut working: Working<D>,
    edition: u64,
    now: Moment,
) -> Result<Row<D>, Fault> {
    turn_pages(engine, commit, &key, &mut working.row).await?;
    let row = &mut working.row;
    let (read_version, expect) =
        (row.version, if row.version == 0 { Expect::Absent } else { Expect::Version(row.version) });
    let expect = if mutant!(NoVersionCondition) { Expect::Anything } else { expect };
    row.version = read_version + 1;
    row.edition = row.edition.max(edition);
    row.last_turn = row.last_turn.max(now);
    row.due = if row.parked { None } else { row.state.next_due() };
    if row.due != working.read_due {
        commit.dues.push(Due { kind: DueKind::Actor, key: ItemKey::actor(&key), was: working.read_due, now: row.due });
    }
    let facts: Vec<&D::Event> = working.entries.iter().flat_map(|entry| &entry.facts).collect();
    commit.puts.extend(D::documents(&key, &row.state, &facts));
    let mut adds = Vec::new();
    let fresh = working.entries.iter().enumerate().filter(|(place, _)| !working.counted.contains(place));
    fresh.flat_map(|(_, entry)| &entry.facts).for_each(|fact| D::count(fact, &mut adds));
    let front = Front { effects: working.effects, adds };
    let body = Body { now, edition, entries: working.entries };
    commit.turns.push(Turn { actor: key, version: row.version, record: write(&front, &body)? });
    let body = row.write()?;
    let item = Some(Item { version: row.version, body });
    commit.puts.push(Put { key: ItemKey::actor(&key), expect, item });
    Ok(working.row)
}

/// Moves surplus inbox entries to pages, and drops pages that left the window.
async fn turn_pages<D: Hosted>(
    engine: &Engine,
    commit: &mut Commit,
    key: &ActorKey,
    row: &mut Row<D>,
) -> Result<(), Fault> {
    if !row.inbox.is_full() {
        return Ok(());
    }
    let expired = row.inbox.expired(engine.wall.now());
    if !expired.is_empty() {
        let mut kept = Vec::new();
        for page in row.inbox.pages().filter(|page| !expired.contains(page)) {
            kept.extend(read_page(engine, key, page).await?.into_iter().map(|entry| entry.id));
        }
        row.inbox.drop_pages(&expired, kept.into_iter());
        for page in expired {
            let key = ItemKey::page(&ActorKey { id: page.owner, ..*key }, page.number);
            // Two rows of one commit may name the same page; a transaction takes each item once.
            if !commit.puts.iter().any(|put| put.key == key) {
                commit.puts.push(Put { key, expect: Expect::Anything, item: None });
            }
        }
    }
    if let Some(page) = row.inbox.small_page(key.id) {
        let entries = read_page(engine, key, &page).await?;
        row.inbox.reopen(&page, entries);
        commit.puts.push(Put { key: ItemKey::page(key, page.number), expect: Expect::Anything, item: None });
    }
    for page in row.inbox.overflow(key.id) {
        commit.puts.push(Put {
            key: ItemKey::page(key, page.number),
            expect: Expect::Anything,
            item: Some(Item { version: 1, body: page.body.into() }),
        });
    }
    Ok(())
}

async fn read_page(engine: &Engine, key: &ActorKey, page: &inbox::PageMeta) -> Result<Vec<inbox::Entry>, Fault> {
    let owner = ActorKey { id: page.owner, ..*key };
    let item = engine.store.load(&ItemKey::page(&owner, page.number)).await?;
    Ok(item.map_or_else(Vec::new, |item| inbox::read_entries(&item.body)))
}

/// Reads the row of an actor, blank where there is none.
///
/// # Errors
/// A fault of the store, or a row that cannot be read.
pub async fn load_row<D: Hosted>(engine: &Engine, key: &ActorKey) -> Result<Row<D>, Fault> {
    match engine.store.load(&ItemKey::actor(key)).await? {
        Some(item) => Row::read(key, &item),
        None => Ok(Row::blank(D::blank(key))),
    }
}
