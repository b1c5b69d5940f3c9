//! A doctor's visit at a terminal: look, say what was found, show a plan, ask, repair, look again.
//!
//! What is looked at is the runtime's (`actors/runtime/src/doctor/`); what lies around the store, and how it is opened, is
//! the program's that calls.

mod words;

use async_trait::async_trait;
use roadbook_runtime::doctor::{Mended, Report, mend};
use roadbook_runtime::ports::Fault;
use roadbook_runtime::{Direct, Engine};
use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::Arc;

/// Rounds of looking and repairing: what one uncovers the next takes up.
const ROUNDS_MAX: usize = 8;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// Repair, too.
    pub repair: bool,
    /// Without asking.
    pub yes: bool,
    /// For a program.
    pub json: bool,
}

/// A store with what lies around it.
#[async_trait]
pub trait Patient: Sync {
    /// What it is, with its size in tenants, for the first line.
    fn title(&self) -> String;

    /// Examines all of it.
    ///
    /// # Errors
    /// A fault: it could not be examined, which says nothing about its soundness.
    async fn look(&self) -> Result<Report, Fault>;

    /// The engine that carries repairs out.
    fn engine(&self) -> Arc<Engine>;

    /// Why nothing can be repaired now.
    fn locked(&self) -> Option<String>;

    /// What is the way back from a repair.
    fn way_back(&self) -> &'static str;
}

/// Why a visit could not be ended.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// It could not be examined.
    #[error("the store cannot be examined")]
    Look(#[source] Fault),
    /// A repair failed; what was done before stays done.
    #[error("could not {0}")]
    Repair(String, #[source] Fault),
    /// The terminal.
    #[error("the terminal cannot be read or written")]
    Terminal(#[from] io::Error),
}

/// Looks; repairs in rounds; says whether the store is sound in the end.
///
/// # Errors
/// [`VisitError`].
pub async fn visit(patient: &dyn Patient, wish: Wish) -> Result<bool, VisitError> {
    let mut report = patient.look().await.map_err(VisitError::Look)?;
    let mut changes = Vec::new();
    if !wish.json {
        words::report(&patient.title(), &report);
    }
    for _ in 0..ROUNDS_MAX {
        if !wish.repair || report.plan().is_empty() || !agreed(patient, wish, &report)? {
            break;
        }
        let done = mended(patient, &report).await?;
        let any = done.iter().any(|(_, mended)| *mended == Mended::Done);
        if !wish.json {
            words::done(&done);
        }
        changes.extend(done);
        report = patient.look().await.map_err(VisitError::Look)?;
        if !wish.json {
            println!("\nAfter the repair:");
            words::report(&patient.title(), &report);
        }
        if !any {
            break;
        }
    }
    if wish.json {
        words::json(&report, wish.repair, &changes)?;
    }
    Ok(report.is_sound())
}

/// Shows the plan and asks.
fn agreed(patient: &dyn Patient, wish: Wish, report: &Report) -> Result<bool, VisitError> {
    if let Some(why) = patient.locked() {
        eprintln!("Nothing is repaired: {why}.");
        return Ok(false);
    }
    let plan = report.plan();
    if !wish.json {
        words::plan(&plan);
    }
    if wish.yes || wish.json {
        return Ok(wish.yes);
    }
    if !io::stdin().is_terminal() {
        eprintln!("Nothing was changed: there is nobody to ask. Say --yes to carry this plan out.");
        return Ok(false);
    }
    print!("Carry out {} changes? {} is the way back. [y/N] ", plan.len(), patient.way_back());
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

async fn mended(patient: &dyn Patient, report: &Report) -> Result<Vec<(String, Mended)>, VisitError> {
    let engine = patient.engine();
    let direct = Direct(engine.clone());
    let mut done = Vec::new();
    for repair in report.plan() {
        let mended = mend(&engine, &direct, repair).await;
        done.push((repair.to_string(), mended.map_err(|fault| VisitError::Repair(repair.to_string(), fault))?));
    }
    Ok(done)
}
