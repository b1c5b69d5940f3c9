//! What is made of an answer: it is written down, asked for once more, or checked against the one before.

use super::Run;
use crate::plan::{Tell, What};
use crate::task::{Done, Parcel, Task};
use roadbook_kernel::{DAY_MS, MINUTE_MS, Moment};
use roadbook_runtime::Outcome;
use roadbook_runtime::ports::Fault;

impl Run {
    pub(super) fn finish(&mut self, task: Task, done: Done) {
        let (host, job) = (task.host, task.job());
        match (done, task.parcel) {
            (Done::Observed(results), Some(Parcel::Events { tenant, messages, client })) => {
                self.observed(host, tenant, messages, client, results);
            }
            (Done::Accepted(results), Some(Parcel::Events { tenant, messages, client })) => {
                self.accepted_by_queue(tenant, messages, client, results);
            }
            (Done::Worked(result), Some(Parcel::Batch(queue, batch))) => {
                self.loops.lost(job);
                self.worked(queue, &batch, result);
            }
            (Done::Uploaded(Ok(id)), Some(Parcel::File(file))) => {
                self.told.files.insert(file, id);
            }
            (Done::Uploaded(Err(_)), Some(parcel)) => self.again(parcel),
            (Done::Told(result), Some(parcel)) => self.answered(host, parcel, result),
            (Done::Looked { more }, _) => self.loops.looked(job, more),
            (Done::Swept { tenant, published, more }, _) => {
                self.loops.lost(job);
                self.loops.swept(tenant, published, more);
            }
            (Done::Observed(_) | Done::Told(_) | Done::Accepted(_) | Done::Worked(_) | Done::Uploaded(_), _) => {}
        }
    }

    fn observed(
        &mut self,
        host: usize,
        tenant: usize,
        messages: Vec<(usize, Option<Moment>)>,
        client: bool,
        results: Vec<Result<Outcome, Fault>>,
    ) {
        let now = self.world.now();
        self.world.tell(Some(host), || {
            let one = |((message, _), result): (&(usize, Option<Moment>), &Result<Outcome, _>)| {
                format!("m{message}: {result:?}")
            };
            let all: Vec<String> = messages.iter().zip(&results).map(one).collect();
            format!("answers {}", all.join(", "))
        });
        let mut failed = Vec::new();
        for ((message, at), result) in messages.into_iter().zip(results) {
            match result {
                // A message made to fail was decided by nobody, also where it is known to have failed.
                Ok(Outcome::Defect | Outcome::Duplicate { .. }) if self.plan.is_poisoned(message) => {
                    if self.told.defects.insert(message) {
                        self.maybe_again(tenant, message, at, client);
                    }
                }
                Ok(outcome @ (Outcome::Applied { .. } | Outcome::Duplicate { .. })) => {
                    if self.told.applied.contains_key(&message) && matches!(outcome, Outcome::Applied { .. }) {
                        let at = at.unwrap_or(now);
                        self.told.applied_again.insert(message);
                        self.twice(message, at);
                    }
                    self.told.applied.entry(message).or_insert(now);
                    if let Some(at) = at {
                        self.told.stamps.entry(message).or_insert(at);
                    }
                    self.maybe_again(tenant, message, at, client);
                }
                Ok(Outcome::Refused(refusal)) if refusal.code == "too_many_hops" => failed.push((message, at)),
                Ok(Outcome::Refused(refusal)) => {
                    self.told.refused.insert(message, refusal.code.into_owned());
                }
                Ok(Outcome::Defect) => self.world.broken(|| format!("defect: message m{message} panicked")),
                Ok(Outcome::NotMine { .. }) => self.world.broken(|| format!("lost: m{message} was nobody's")),
                Err(_) => failed.push((message, at)),
            }
        }
        if !failed.is_empty() {
            self.again(Parcel::Events { tenant, messages: failed, client });
        }
    }

    /// The next command to a catalog goes out when the one before was answered.
    fn defined(&mut self, tenant: usize, step: usize) {
        if self.defines[tenant].front() == Some(&step) {
            self.defines[tenant].pop_front();
            if let Some(next) = self.defines[tenant].front().copied() {
                self.enqueue(self.world.now(), Parcel::Define(next, None));
            }
        }
    }

    /// A command that was answered is known from then on, whatever it came to.
    fn told_again(&self, step: usize, outcome: &Outcome) {
        let before = self.told.commands.get(&step);
        if before.is_some() && !matches!(outcome, Outcome::Duplicate { .. }) {
            self.world.broken(|| format!("twice: the command of step {step} was decided again"));
        }
    }

    /// A command to a customer comes once more, as a queue would bring it.
    fn repeat(&mut self, parcel: &Parcel) {
        let Parcel::Tell(step, _) = parcel else { return };
        if self.told.commands.contains_key(step) {
            return;
        }
        // Half of them in any weather: a refusal and what changes nothing are known like everything else.
        let wait_ms = if self.chance.below(2) == 0 { Some(self.chance.between(0, DAY_MS)) } else { self.again_in() };
        if let Some(wait_ms) = wait_ms {
            self.enqueue(self.world.now().plus_ms(wait_ms), parcel.clone());
        }
    }

    /// When something that was acknowledged comes once more, if it does.
    fn again_in(&mut self) -> Option<i64> {
        let (soon, late) = {
            let weather = &self.world.inner().weather;
            (weather.again_soon, weather.again_late)
        };
        if self.chance.happens(soon) {
            {
                let within_ms = self.chance.pick(&[MINUTE_MS, 30 * MINUTE_MS, DAY_MS]);
                Some(self.chance.between(0, within_ms))
            }
        } else if self.chance.happens(late) {
            Some(self.chance.between(DAY_MS, 40 * DAY_MS))
        } else {
            None
        }
    }

    /// Messages that were acknowledged come once more, as a queue or a redrive would bring them.
    pub(super) fn acknowledged_again(&mut self, at: Moment, messages: &[usize]) {
        for message in messages {
            let Some(stamp) = self.told.stamps.get(message).copied() else { continue };
            let tenant = self.plan.people[self.plan.messages[*message].person].tenant;
            let messages = vec![(*message, Some(stamp))];
            self.enqueue(at, Parcel::Events { tenant, messages, client: false });
        }
    }

    /// What was acknowledged comes once more: at once, or when everybody has long forgotten it.
    pub(super) fn maybe_again(&mut self, tenant: usize, message: usize, at: Option<Moment>, client: bool) {
        let Some(wait_ms) = self.again_in() else { return };
        // What a client repeats is stamped anew, within the days an inbox remembers; later it comes as it was.
        let at = if client && wait_ms < DAY_MS { None } else { at };
        let client = client && wait_ms < DAY_MS;
        let parcel = Parcel::Events { tenant, messages: vec![(message, at)], client };
        self.enqueue(self.world.now().plus_ms(wait_ms), parcel);
    }

    fn answered(&mut self, host: usize, parcel: Parcel, result: Result<Option<Outcome>, Fault>) {
        let now = self.world.now();
        self.world.tell(Some(host), || format!("answers {parcel:?}: {result:?}"));
        let step = match &parcel {
            Parcel::Tell(step, _) | Parcel::Define(step, _) => *step,
            Parcel::Events { .. } | Parcel::File(_) | Parcel::Batch(..) => return,
        };
        match result {
            Ok(Some(outcome)) => {
                if let Parcel::Define(..) = parcel {
                    let What::Define(tenant, _) = self.plan.steps[step].what else { return };
                    self.loops.published(tenant);
                    self.defined(tenant, step);
                }
                self.told_again(step, &outcome);
                self.repeat(&parcel);
                self.told.commands.entry(step).or_insert((now, outcome));
            }
            // Nobody is there yet: a merge waits for both, everything else was about nobody.
            Ok(None) => {
                let waits = matches!(self.plan.steps[step].what, What::Tell(_, Tell::Merge(_) | Tell::Consent(..)));
                let next = self.plan.steps.get(self.next_step).map(|step| step.at);
                if let Some(next) = next.filter(|_| waits) {
                    self.enqueue(next.max(now).plus_ms(10 * MINUTE_MS), parcel);
                }
            }
            Err(_) => self.again(parcel),
        }
    }

    /// A message that was acknowledged was applied once more.
    fn twice(&self, message: usize, at: Moment) {
        self.world.broken(|| format!("twice: m{message}, accepted {at:?}, was acknowledged and is applied again"));
    }
}
