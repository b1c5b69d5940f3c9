//! One run: the plan is played on two hosts in virtual time, until everything has come to rest.

use crate::chance::Chance;
use crate::hooks::{self, Ears};
use crate::host::{Host, Making, Way};
use crate::plan::{Plan, Step, What};
use crate::provider::Sink;
use crate::task::{Done, Parcel, Task};
use crate::weather::Weather;
use crate::world::{Job, World};
use roadbook_it::rig::T0;
use roadbook_kernel::{ActorKey, JobId, MINUTE_MS, MessageId, Moment, SECOND_MS, TenantId};
use roadbook_runtime::engine::{KeyRing, Limits};
use roadbook_runtime::{Accepted, Deliver, Message, Outcome};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

mod answers;
mod glance;
mod imports;
mod loops;
mod queued;
mod telling;
mod time;

pub use loops::at_once;

/// Hosts over the one store.
const HOSTS: usize = 2;
/// Polls after which a run that has not come to rest never will.
const POLLS_MAX: u64 = 250_000;
/// Tasks of messages under way at once.
const UNDER_WAY_MAX: usize = 12;

/// What a run knows of what it was told: the acknowledgements.
#[derive(Default)]
pub struct Told {
    /// Messages acknowledged as applied or known, with the first time.
    pub applied: BTreeMap<usize, Moment>,
    /// The instant each of them was accepted with.
    pub stamps: BTreeMap<usize, Moment>,
    /// Messages acknowledged as applied more than once.
    pub applied_again: BTreeSet<usize>,
    /// Messages answered with a defect.
    pub defects: BTreeSet<usize>,
    /// Messages answered with a refusal.
    pub refused: BTreeMap<usize, String>,
    /// Steps with a command that was acknowledged.
    pub commands: BTreeMap<usize, (Moment, Outcome)>,
    /// The instant each command was first given with: words count by when they were said.
    pub said: BTreeMap<usize, Moment>,
    /// Messages acknowledged by the queue that holds them until they are applied.
    pub queued: BTreeMap<usize, Moment>,
    /// Files that were taken, and the jobs they became.
    pub files: BTreeMap<usize, JobId>,
    /// When a message was first handed to a host.
    pub first_tried: BTreeMap<usize, Moment>,
}

/// A run under way.
pub struct Run {
    /// The world.
    pub world: Arc<World>,
    /// What is to happen.
    pub plan: Arc<Plan>,
    /// The provider.
    pub sink: Arc<Sink>,
    /// How hosts are made.
    pub making: Making,
    /// The webhook endpoints.
    pub ears: Arc<Ears>,
    /// Acknowledgements.
    pub told: Told,
    /// Polls so far.
    pub polls: u64,
    chance: Chance,
    hosts: Vec<Result<Host, Moment>>,
    tasks: Vec<Task>,
    queue: BTreeMap<(Moment, u64), Parcel>,
    numbered: u64,
    next_step: usize,
    dropped: Arc<BTreeSet<usize>>,
    /// Which message an id names.
    ids: BTreeMap<MessageId, usize>,
    loops: loops::Loops,
    glance: glance::Glance,
    /// Commands to the catalog of each tenant that wait for the one before.
    defines: Vec<VecDeque<usize>>,
    /// Whom each command was first meant for: it comes again as it was.
    meant: telling::Meant,
    until: Moment,
    winding_down: bool,
}

impl Run {
    /// A run of a plan. `dropped` steps are left out; `told` writes the story down.
    pub fn new(seed: u64, plan: Arc<Plan>, dropped: Arc<BTreeSet<usize>>, told: bool) -> Self {
        let mut chance = Chance::new(seed, 2);
        let world = Arc::new(World::new(seed, T0, Weather::of(&mut chance), told));
        let sink = Arc::new(Sink::default());
        let limits = Limits { turn_messages_max: plan.turn_messages_max, ..Limits::default() };
        let ears = Arc::new(Ears::default());
        let (log, way) = (plan.log, plan.way);
        let making = Making { world: world.clone(), sink: sink.clone(), limits, log, way, ears: ears.clone() };
        for listener in &plan.listeners {
            at_once(hooks::make(&world, plan.tenants[listener.tenant], listener.id, listener.topics));
        }
        let hosts = (0..HOSTS).map(|n| Ok(making.host(n, plan.skews[n]))).collect();
        Self {
            world,
            loops: loops::Loops::new(plan.tenants.len()),
            glance: glance::Glance::default(),
            defines: vec![VecDeque::new(); plan.tenants.len()],
            ids: ids_of(&plan),
            plan,
            sink,
            ears,
            making,
            told: Told::default(),
            polls: 0,
            chance,
            hosts,
            tasks: Vec::new(),
            queue: BTreeMap::new(),
            numbered: 0,
            next_step: 0,
            dropped,
            meant: telling::Meant::default(),
            until: T0,
            winding_down: false,
        }
    }

    /// Plays it to its end.
    ///
    /// # Errors
    /// The first promise that was seen broken on the way.
    pub fn play(&mut self) -> Result<(), String> {
        loop {
            if let Some(broken) = self.world.inner().broken.take() {
                return Err(broken);
            }
            if self.polls > POLLS_MAX {
                return Err(format!("stuck: not at rest after {POLLS_MAX} polls; {}", self.standing()));
            }
            self.take_up();
            if self.poll_one() {
                continue;
            }
            if !self.advance() {
                return Ok(());
            }
        }
    }

    /// Polls one task that may go on; false where none may.
    fn poll_one(&mut self) -> bool {
        let now = self.world.now();
        let ready = |task: &&Task| task.wake <= now;
        let count = self.tasks.iter().filter(ready).count();
        if count == 0 {
            return false;
        }
        let drawn = self.chance.below(count);
        let mut all = self.tasks.iter().enumerate().filter(|(_, task)| ready(task));
        let Some((index, _)) = all.nth(drawn) else { return false };
        self.polls += 1;
        if self.tasks[index].until.is_some_and(|until| until <= now) {
            let task = self.tasks.swap_remove(index);
            self.world.tell(Some(task.host), || format!("is cut off in {:?}", task.job()));
            self.loops.lost(task.job());
            task.parcel.into_iter().for_each(|parcel| self.again(parcel));
            return true;
        }
        let done = self.tasks[index].poll(&self.world);
        if self.plan.way == Way::Queues {
            self.witness();
        }
        let host = self.tasks[index].host;
        if self.hosts[host].as_ref().is_ok_and(|host| host.life.is_over()) {
            self.bury(host);
        } else if let Some(done) = done {
            let task = self.tasks.swap_remove(index);
            self.finish(task, done);
        }
        true
    }

    /// A host is dead: its tasks end where they are, its memory is gone, what nobody acknowledged comes again.
    fn bury(&mut self, host: usize) {
        let (dead, living) = std::mem::take(&mut self.tasks).into_iter().partition(|task| task.host == host);
        self.tasks = living;
        let dead: Vec<Task> = dead;
        for task in dead {
            self.loops.lost(task.job());
            if let Some(parcel) = task.parcel {
                self.again(parcel);
            }
        }
        let wait_ms = self.chance.between(1, 3 * MINUTE_MS);
        self.hosts[host] = Err(self.world.now().plus_ms(wait_ms));
    }

    /// Sends something again, sooner or later. What a client sends again is stamped anew.
    fn again(&mut self, parcel: Parcel) {
        let wait_ms = self.chance.between(5, 20 * SECOND_MS);
        let parcel = match parcel {
            Parcel::Events { tenant, messages, client: true } => {
                let messages = messages.into_iter().map(|(message, _)| (message, None)).collect();
                Parcel::Events { tenant, messages, client: true }
            }
            // The queue has it still, and hands it out again by itself.
            Parcel::Batch(..) => return,
            parcel @ (Parcel::Events { .. } | Parcel::Tell(..) | Parcel::Define(..) | Parcel::File(_)) => parcel,
        };
        self.enqueue(self.world.now().plus_ms(wait_ms), parcel);
    }

    fn enqueue(&mut self, at: Moment, parcel: Parcel) {
        self.numbered += 1;
        self.queue.insert((at, self.numbered), parcel);
    }

    /// What has come in by now is taken up by a host.
    fn take_up(&mut self) {
        let now = self.world.now();
        while let Some(step) = self.plan.steps.get(self.next_step).filter(|step| step.at <= now).cloned() {
            let index = self.next_step;
            self.next_step += 1;
            if !self.dropped.contains(&index) {
                self.begin(index, step);
            }
        }
        for host in 0..HOSTS {
            if self.hosts[host].as_ref().is_err_and(|back| *back <= now) {
                self.world.tell(Some(host), || "begins again".into());
                self.hosts[host] = Ok(self.making.host(host, self.plan.skews[host]));
            }
        }
        while let Some(((at, _), _)) = self.queue.first_key_value()
            && *at <= now
            && self.tasks.len() < UNDER_WAY_MAX
            && let Some(host) = self.some_host()
        {
            if let Some((_, parcel)) = self.queue.pop_first() {
                self.deliver(host, parcel);
            }
        }
    }

    fn some_host(&mut self) -> Option<usize> {
        let alive: Vec<usize> = (0..HOSTS).filter(|host| self.hosts[*host].is_ok()).collect();
        (!alive.is_empty()).then(|| alive[self.chance.below(alive.len())])
    }

    fn begin(&mut self, index: usize, step: Step) {
        let held_back = self.world.inner().weather.held_back;
        let late_ms =
            if self.chance.happens(held_back) { self.chance.between(SECOND_MS, 6 * 60 * MINUTE_MS) } else { 0 };
        let at = step.at.plus_ms(late_ms);
        match step.what {
            What::Events(messages) => {
                let tenant = self.plan.people[self.plan.messages[messages[0]].person].tenant;
                let client = self.chance.below(2) == 0;
                let messages = messages.into_iter().map(|message| (message, None)).collect();
                self.enqueue(at, Parcel::Events { tenant, messages, client });
            }
            What::Again(messages) => self.acknowledged_again(step.at, &messages),
            What::Tell(..) => self.enqueue(at, Parcel::Tell(index, None)),
            What::File(file) => self.enqueue(at, Parcel::File(file)),
            // Whoever writes definitions waits for each answer.
            What::Define(tenant, _) => {
                self.defines[tenant].push_back(index);
                if self.defines[tenant].len() == 1 {
                    self.enqueue(step.at, Parcel::Define(index, None));
                }
            }
            What::RelayDown(ms) => {
                self.world.tell(None, || format!("the relay stands still for {} min", ms / MINUTE_MS));
                self.loops.relay_down_until(step.at.plus_ms(ms));
            }
            What::Die(host) => {
                if let Ok(living) = &self.hosts[host] {
                    living.life.end();
                    self.bury(host);
                }
            }
            What::Sleep(host) => {
                if let Ok(living) = &self.hosts[host] {
                    living.boxes.passivate();
                }
            }
        }
    }

    fn deliver(&mut self, host: usize, parcel: Parcel) {
        let Ok(living) = &self.hosts[host] else { return self.again(parcel) };
        let now = self.world.now();
        let clock = living.engine.clock.now();
        let (job, tenant, parcel, work): (Job, TenantId, Parcel, crate::task::Work) = match parcel {
            Parcel::Events { tenant, messages, client } => {
                let id = self.plan.tenants[tenant];
                let messages: Vec<(usize, Option<Moment>)> =
                    messages.into_iter().map(|(message, at)| (message, Some(at.unwrap_or(clock)))).collect();
                for (message, _) in &messages {
                    self.told.first_tried.entry(*message).or_insert(now);
                }
                let events = self.accepted(living, id, &messages, client);
                let router = living.router.clone();
                let work: crate::task::Work = match self.plan.way {
                    Way::Host => Box::pin(async move { Done::Observed(router.observe(id, events).await) }),
                    Way::Queues => queued::accepting(living, id, events),
                };
                (Job::Observe, id, Parcel::Events { tenant, messages, client }, work)
            }
            Parcel::Tell(step, at) => {
                let at = at.unwrap_or(clock);
                self.told.said.entry(step).or_insert(at);
                let (tenant, work) = self.telling(living, step, at);
                (Job::Tell, tenant, Parcel::Tell(step, Some(at)), work)
            }
            Parcel::Define(step, at) => {
                let at = at.unwrap_or(clock);
                let (tenant, work) = self.defining(living, step, at);
                (Job::Define, tenant, Parcel::Define(step, Some(at)), work)
            }
            Parcel::File(file) => {
                let random = u128::from(self.chance.draw()).to_be_bytes();
                let (tenant, work) = imports::uploading(living, &self.plan, file, random);
                (Job::Upload, tenant, Parcel::File(file), work)
            }
            Parcel::Batch(..) => return,
        };
        self.world.tell(Some(host), || format!("is given {parcel:?}"));
        self.tasks.push(Task::new(host, job, Some(tenant), now, work).carrying(parcel));
    }

    fn accepted(
        &self,
        host: &Host,
        tenant: TenantId,
        messages: &[(usize, Option<Moment>)],
        client: bool,
    ) -> Vec<Accepted> {
        let keys = host.engine.keys.of(tenant);
        let one = |(place, (message, at)): (usize, &(usize, Option<Moment>))| {
            let at = at.unwrap_or(host.engine.clock.now());
            let mut accepted = self.plan.messages[*message].say.clone().accepted(at).accept(&keys, place);
            if client {
                // A producer's time is corrected by what its clock says while it sends: never twice the same.
                accepted.occurred = accepted.occurred.plus_ms(at.millis() % 7);
            }
            accepted
        };
        messages.iter().enumerate().map(one).collect()
    }

    fn defining(&self, host: &Host, step: usize, at: Moment) -> (TenantId, crate::task::Work) {
        let What::Define(tenant, command) = self.plan.steps[step].what.clone() else {
            unreachable!("a step that defines")
        };
        let tenant = self.plan.tenants[tenant];
        let id = host.engine.keys.of(tenant).message("sim", &format!("define {step}"));
        let boxes = host.boxes.clone();
        let message = Message { id, accepted: at, occurred: at, position: 0, via: None, founding: false, command };
        let work =
            Box::pin(async move { Done::Told(boxes.catalog(ActorKey::catalog(tenant), message).await.map(Some)) });
        (tenant, work)
    }
}

/// Which message an id names, for every message of a plan.
fn ids_of(plan: &Plan) -> BTreeMap<MessageId, usize> {
    let ring = KeyRing::new([7; 32]);
    let id = |message: usize| ring.of(plan.tenants[plan.tenant_of(message)]).message("test", &format!("m{message}"));
    (0..plan.messages.len()).map(|message| (id(message), message)).collect()
}
