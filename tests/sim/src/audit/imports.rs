//! Files: whatever host did whatever piece, every line counts once, and what is no event is told once.

use super::Audited;
use crate::plan::{Entry, File};
use crate::run::at_once;
use crate::task::alone;
use crate::world::Job;
use roadbook_kernel::{JobId, MessageId, TenantId};
use roadbook_runtime::Letter;
use roadbook_runtime::ports::{History, ItemKey, Space, Store};
use roadbook_runtime::record::Record;
use std::collections::BTreeMap;

impl Audited<'_> {
    pub(super) fn files(&self) -> Result<(), String> {
        for (file, id) in &self.run.told.files {
            let file = &self.run.plan.files[*file];
            self.file(file, *id, self.run.plan.tenants[file.tenant])?;
        }
        for tenant in &self.run.plan.tenants {
            for prefix in ["upload/", "jobdata/", "jobopen/"] {
                let found = at_once(self.run.world.memory.scan(Space::Document, *tenant, prefix.as_bytes(), None, 1));
                if found.and_then(Result::ok).is_none_or(|found| !found.is_empty()) {
                    return Err(format!("stuck: {tenant} still has something under {prefix}"));
                }
            }
        }
        Ok(())
    }

    fn file(&self, file: &File, id: JobId, tenant: TenantId) -> Result<(), String> {
        let job = alone(&self.run.world, Job::Import, roadbook_jobs::find(&self.engine, tenant, id));
        let job =
            job.map_err(|fault| fault.to_string())?.ok_or_else(|| format!("lost: {id} was begun and is unknown"))?;
        let amount = |wanted: fn(&Entry) -> bool| file.lines.iter().filter(|line| wanted(line)).count() as u64;
        let good = amount(|line| matches!(line, Entry::Good(_)));
        let bad = amount(|line| matches!(line, Entry::Bad(_)));
        if job.finished_at.is_none() {
            return Err(format!("stuck: {id} is not finished: {:?}", job.counts));
        }
        let counts = job.counts;
        let sound = (counts.applied + counts.duplicates, counts.rejected, counts.done) == (good, bad, good + bad);
        if !sound || counts.total != Some(good + bad) {
            return Err(format!("import: {id} has {good} events and {bad} bad lines, and says {counts:?}"));
        }
        self.lines(file, tenant)
    }

    fn lines(&self, file: &File, tenant: TenantId) -> Result<(), String> {
        let (keys, hash) = (self.engine.keys.of(tenant), blake3::hash(file.text().as_bytes()).to_hex().to_string());
        let decided = self.decided_of(tenant)?;
        for (place, line) in file.lines.iter().enumerate() {
            let number = place as u64 + 1;
            let message = keys.message(&hash, &format!("line {number}"));
            let times = decided.get(&message).copied().unwrap_or(0);
            let letters = self.letters_of(tenant, message)?;
            let found = match line {
                Entry::Good(_) if times == 0 => "lost: no turn decided",
                Entry::Good(_) if times > 1 && self.run.plan.settled => "twice: several turns decided",
                Entry::Good(_) if letters > 0 => "import: it is in the dead letters as well:",
                Entry::Bad(_) if times > 0 => "import: a turn decided what is no event:",
                Entry::Bad(_) if letters != 1 => "lost: there is not one letter of",
                Entry::Good(_) | Entry::Bad(_) | Entry::Empty => continue,
            };
            return Err(format!("{found} line {number} of a file, decided {times} times, {letters} letters"));
        }
        Ok(())
    }

    fn decided_of(&self, tenant: TenantId) -> Result<BTreeMap<MessageId, u32>, String> {
        let mut decided = BTreeMap::new();
        for (_, key, _) in self.rows.iter().filter(|(_, key, _)| key.tenant == tenant) {
            let turns = at_once(self.run.world.memory.turns(key, 0, usize::MAX)).and_then(Result::ok);
            for turn in turns.unwrap_or_default() {
                let record = Record::new(&turn.record).map_err(|fault| fault.to_string())?;
                record.messages().for_each(|id| *decided.entry(id).or_default() += 1);
            }
        }
        Ok(decided)
    }

    /// How many letters a message has: its mark leads to one of them, and no other names it.
    fn letters_of(&self, tenant: TenantId, message: MessageId) -> Result<usize, String> {
        let memory = &self.run.world.memory;
        let mark = at_once(memory.load(&ItemKey::letter_of(tenant, message))).and_then(Result::ok).flatten();
        let items = at_once(memory.scan(Space::Letter, tenant, b"l", None, usize::MAX)).and_then(Result::ok);
        let mut of_it = 0;
        for (_, item) in items.unwrap_or_default() {
            let letter = Letter::read(&item).map_err(|fault| fault.to_string())?;
            of_it += usize::from(letter.message == message);
        }
        Ok(if mark.is_some() { of_it } else { of_it * 2 })
    }
}
