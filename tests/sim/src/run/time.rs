//! Time passes to the next thing that happens, until nothing ever will.

use super::{Run, at_once};
use crate::host::Way;
use crate::task::Task;
use crate::weather::Weather;
use crate::world::Job;
use roadbook_kernel::{DAY_MS, Moment};
use roadbook_runtime::ports::{DueKind, Store};

impl Run {
    /// Where everything stands, for a run that does not come to rest.
    pub(super) fn standing(&self) -> String {
        let jobs: Vec<Job> = self.tasks.iter().map(Task::job).collect();
        let overdue: Vec<String> = [DueKind::Actor, DueKind::Send, DueKind::Delivery]
            .into_iter()
            .flat_map(|kind| at_once(self.world.memory.due(kind, self.world.now(), 2)).and_then(Result::ok))
            .flatten()
            .map(|entry| {
                let item = at_once(self.world.memory.load(&entry.key)).and_then(Result::ok).flatten();
                let stands = item.map(|item| String::from_utf8_lossy(&item.body).into_owned());
                format!("{:?} since {:?}: {stands:?}", entry.key.space(), entry.due)
            })
            .collect();
        let (now, parcels) = (self.world.now(), self.queue.len());
        format!("at {now:?}; tasks {jobs:?}; {parcels} parcels wait; due are {overdue:?}")
    }

    /// Nothing can go on: time passes to the next thing that happens. False where nothing ever will.
    pub(super) fn advance(&mut self) -> bool {
        let now = self.world.now();
        let busy = !self.tasks.is_empty() || !self.queue.is_empty() || self.next_step < self.plan.steps.len();
        if !busy && !self.winding_down {
            self.winding_down = true;
            self.world.tell(None, || "the plan is played; the weather clears".into());
            self.world.inner().weather = Weather::calm();
            self.until = now.plus_ms(self.plan.wait_ms + 60 * DAY_MS);
            (0..self.plan.tenants.len()).for_each(|tenant| self.loops.published(tenant));
        }
        let steps = self.plan.steps.get(self.next_step).map(|step| step.at);
        let parcels = self.queue.first_key_value().map(|((at, _), _)| *at);
        let tasks = self.tasks.iter().map(|task| task.wake).min();
        let hosts = self.hosts.iter().filter_map(|host| host.as_ref().err().copied()).min();
        let look = self.look_at(now);
        let look = look.filter(|at| !self.winding_down || *at <= self.until);
        let next = [steps, parcels, tasks, hosts, look].into_iter().flatten().min();
        let Some(next) = next else { return false };
        self.world.advance_to(next.max(now.plus_ms(i64::from(next <= now))));
        if look.is_some_and(|at| at <= self.world.now()) {
            self.look();
        }
        true
    }

    /// When somebody must look at the store: at once where something waits, else when the next thing is due.
    fn look_at(&mut self, now: Moment) -> Option<Moment> {
        let due = self.glance().due();
        let due = match self.plan.way {
            Way::Host => due,
            Way::Queues => {
                let tick = due.map(|due| self.loops.next_tick(due));
                [tick, self.world.queues.next()].into_iter().flatten().min()
            }
        };
        let files = self.glance().files.iter().flatten().map(|waits| waits.at(now)).min();
        let work = if self.relay_waits(now) || self.loops.more() { Some(now) } else { None };
        let work = [due, work, files, self.loops.relay_back(now)].into_iter().flatten().min()?;
        Some(self.loops.not_before(work))
    }
}
