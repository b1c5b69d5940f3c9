//! `roadbook-ops doctor`: the runtime's examination over the tables of a stack.
//!
//! A stack has no commit log; its place is taken by the turns that stand on their rows and were not carried. While the
//! stack is served a turn between two reads looks like damage, so it is examined twice, and only what is found both times,
//! word for word, is shown. It is repaired only while it stands still.

use crate::moving::is_half_full;
use crate::stack::Stack;
use anyhow::{Context, Result};
use async_trait::async_trait;
use roadbook_app::{Patient, Tenants, Wish, visit};
use roadbook_aws::{Dynamo, Uncarried};
use roadbook_kernel::{Moment, TenantId};
use roadbook_runtime::doctor::{Finding, Report, Scope, examine};
use roadbook_runtime::ports::{Clock, Fault, Journal};
use roadbook_runtime::{Catalogs, Engine, KeyRing, Limits, Streamed, SystemClock, Tally};
use std::process::ExitCode;
use std::sync::Arc;

/// The exit code of an examination that could not be made.
const COULD_NOT_LOOK: u8 = 2;
/// Turns that were not carried and that are held in memory: what an examination looks at, too.
const UNCARRIED_MAX: usize = 200_000;

/// Examines a stack, and repairs it where that is wished. 0: sound; 1: something is wrong; 2: could not look.
pub async fn run(stack: &str, wish: Wish) -> ExitCode {
    match look(stack, wish).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(COULD_NOT_LOOK)
        }
    }
}

async fn look(name: &str, wish: Wish) -> Result<bool> {
    let stack = Stack::find(name).await?;
    let dynamo = Arc::new(stack.dynamo()?);
    if is_half_full(dynamo.as_ref()).await? {
        anyhow::bail!("an import into {name} has not come to its end; run it again, it goes on");
    }
    let tenants = Tenants::new(dynamo.clone()).list().await.context("the list of tenants cannot be read")?;
    let running = stack.running().await?;
    // Without the key it can be examined: what is stored is hashed already.
    let master = if wish.repair && running.is_empty() { stack.master().await? } else { [0; 32] };
    let tenants = tenants.into_iter().map(|tenant| tenant.id).collect();
    Ok(visit(&Tables { name: name.to_owned(), dynamo, tenants, running, master }, wish).await?)
}

/// The tables of a stack.
struct Tables {
    name: String,
    dynamo: Arc<Dynamo>,
    tenants: Vec<TenantId>,
    /// Functions that may write meanwhile.
    running: Vec<String>,
    master: [u8; 32],
}

impl Tables {
    fn engine_over(&self, journal: Arc<dyn Journal>) -> Arc<Engine> {
        Arc::new(Engine {
            store: self.dynamo.clone(),
            history: self.dynamo.clone(),
            journal,
            clock: Arc::new(SystemClock),
            wall: Arc::new(SystemClock),
            keys: KeyRing::new(self.master),
            catalogs: Catalogs::default(),
            subscriptions: roadbook_runtime::webhooks::Subscriptions::default(),
            limits: Limits::default(),
            tally: Tally::default(),
        })
    }

    async fn once(&self) -> Result<Report, Fault> {
        let journal = Arc::new(Uncarried::read(&self.dynamo, &self.tenants, UNCARRIED_MAX).await?);
        // What fell due while it stood still is not late.
        let served_until = if self.running.is_empty() { Moment::MIN } else { SystemClock.now() };
        let scope = Scope { tenants: self.tenants.clone(), served_until };
        examine(&self.engine_over(journal), &scope).await
    }
}

#[async_trait]
impl Patient for Tables {
    fn title(&self) -> String {
        let served = match self.running.as_slice() {
            [] => "stands still".to_owned(),
            running => format!("served by {}; examined twice, and shown is what was found twice", running.join(", ")),
        };
        format!("aws:{}: {} tenants; {served}", self.name, self.tenants.len())
    }

    async fn look(&self) -> Result<Report, Fault> {
        let first = self.once().await?;
        if self.running.is_empty() || first.is_sound() {
            return Ok(first);
        }
        Ok(in_both(&first, self.once().await?))
    }

    fn engine(&self) -> Arc<Engine> {
        self.engine_over(Arc::new(Streamed))
    }

    fn locked(&self) -> Option<String> {
        let name = &self.name;
        let why = || format!("{name} is being served; first: roadbook-ops stop --stack {name}");
        (!self.running.is_empty()).then(why)
    }

    fn way_back(&self) -> &'static str {
        "The tables' point-in-time recovery"
    }
}

/// The findings of two examinations that are in both.
fn in_both(first: &Report, second: Report) -> Report {
    let same = |one: &Finding, other: &Finding| {
        (one.code, one.tenant, &one.subject, &one.detail) == (other.code, other.tenant, &other.subject, &other.detail)
    };
    let mut both = Report { findings: Vec::new(), by_code: Default::default(), checks: second.checks };
    both.checks.iter_mut().for_each(|check| check.findings = 0);
    let lasting = |finding: &Finding| first.findings.iter().any(|former| same(former, finding));
    second.findings.into_iter().filter(lasting).for_each(|finding| both.add(finding));
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(subject: &str, detail: &str) -> Finding {
        let (subject, detail) = (subject.to_owned(), detail.to_owned());
        let code = "claim_missing";
        Finding { check: "claims", code, tenant: None, subject, detail, means: "", repair: None }
    }

    #[test]
    fn what_passes_by_while_it_is_served_is_not_shown() {
        let report = |findings: &[(&str, &str)]| {
            let mut report = Report::default();
            findings.iter().for_each(|(subject, detail)| report.add(finding(subject, detail)));
            report
        };
        let first = report(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let both = in_both(&first, report(&[("a", "1"), ("b", "2"), ("d", "1")]));
        assert_eq!(both.findings, [finding("a", "1")]);
        assert_eq!((both.by_code["claim_missing"], both.checks[0].findings), (1, 1));
        assert!(in_both(&first, report(&[])).is_sound());
    }
}
