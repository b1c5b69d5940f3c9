//! What an examination found: per check a count, and findings with what they mean and what would repair them.

use crate::doctor::repair::Repair;
use roadbook_kernel::TenantId;
use serde::Serialize;
use std::collections::BTreeMap;

/// Findings of one code that are kept whole; the rest of them is counted. A repair takes them in rounds.
pub const FINDINGS_KEPT_MAX: usize = 1_000;

/// Something that is not as it should be. It names things by their keys and never shows what they hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Which check found it.
    pub check: &'static str,
    /// Stable snake_case code.
    pub code: &'static str,
    /// Whose; `None` where it belongs to the whole store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// The key of what is wrong: a customer, an identifier's hash, a send, a counter's name.
    pub subject: String,
    /// What is wrong with it, with numbers.
    pub detail: String,
    /// What follows from it if nothing is done.
    pub means: &'static str,
    /// What would repair it; `None` where only a backup or a person can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<Repair>,
}

/// How one check went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Its name.
    pub check: &'static str,
    /// Things it looked at.
    pub looked_at: u64,
    /// Things it found wrong.
    pub findings: u64,
    /// What is worth knowing and not wrong: work that goes on by itself as soon as somebody serves the store.
    pub notes: Vec<String>,
}

/// Everything an examination found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Per check, in the order they were made.
    pub checks: Vec<Checked>,
    /// The findings, at most [`FINDINGS_KEPT_MAX`] of each code.
    pub findings: Vec<Finding>,
    /// How many of each code there are, the ones not kept included.
    pub by_code: BTreeMap<&'static str, u64>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.by_code.is_empty()
    }

    /// The line of a check; made where it is not there yet.
    pub fn check(&mut self, name: &'static str) -> &mut Checked {
        let place = self.checks.iter().position(|one| one.check == name).unwrap_or_else(|| {
            self.checks.push(Checked { check: name, ..Checked::default() });
            self.checks.len() - 1
        });
        &mut self.checks[place]
    }

    /// Counts what a check looked at.
    pub fn looked(&mut self, name: &'static str, many: u64) {
        self.check(name).looked_at += many;
    }

    /// Says something that is not wrong.
    pub fn note(&mut self, name: &'static str, note: String) {
        self.check(name).notes.push(note);
    }

    /// Adds a finding.
    pub fn add(&mut self, finding: Finding) {
        self.check(finding.check).findings += 1;
        let count = self.by_code.entry(finding.code).or_default();
        *count += 1;
        if *count <= FINDINGS_KEPT_MAX as u64 {
            self.findings.push(finding);
        }
    }

    /// What a repair would do, in the order in which it would be done.
    pub fn plan(&self) -> Vec<&Repair> {
        let mut plan: Vec<&Repair> = self.findings.iter().filter_map(|finding| finding.repair.as_ref()).collect();
        plan.sort_by_key(|repair| repair.turn());
        plan
    }
}
