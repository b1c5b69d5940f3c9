//! The words: one line per check, then the findings with what they mean and what a repair would do.

use roadbook_runtime::doctor::{Checked, Mended, Repair, Report};
use serde_json::json;
use std::collections::BTreeMap;
use std::io;

/// Findings of one code that are shown in words; `--json` shows more.
const SHOWN_MAX: u64 = 20;

/// Everything that was found.
pub fn report(title: &str, report: &Report) {
    println!("{title}");
    for Checked { check, looked_at, findings, notes } in &report.checks {
        let verdict = match findings {
            0 => "sound".to_owned(),
            1 => "1 finding".to_owned(),
            many => format!("{many} findings"),
        };
        println!("  {check:<11} {looked_at:>10} looked at   {verdict}");
        notes.iter().for_each(|note| println!("  {:<11} {note}", ""));
    }
    let mut shown = BTreeMap::<&str, u64>::new();
    for finding in &report.findings {
        let place = shown.entry(finding.code).or_default();
        *place += 1;
        let all = report.by_code.get(finding.code).copied().unwrap_or(0);
        if *place > SHOWN_MAX {
            if *place == SHOWN_MAX + 1 {
                println!("\n{}: and {} more; --json shows more of them", finding.code, all - SHOWN_MAX);
            }
            continue;
        }
        let tenant = finding.tenant.map(|tenant| format!(" of {tenant}")).unwrap_or_default();
        println!("\n{} ({place} of {all}): {}{tenant}", finding.code, finding.subject);
        println!("  {}", finding.detail);
        println!("  means   {}", finding.means);
        match &finding.repair {
            Some(repair) => println!("  repair  {repair}"),
            None => println!("  repair  none: a person, or a backup"),
        }
    }
    if report.is_sound() {
        println!("Sound.");
    } else if !report.plan().is_empty() {
        println!("\n`--repair` can do something about {} of these.", report.plan().len());
    }
}

/// What a repair would change, each on its conditions.
pub fn plan(plan: &[&Repair]) {
    println!("\nThe plan, {} changes:", plan.len());
    for (place, repair) in plan.iter().enumerate() {
        println!("  {:>4}. {repair}", place + 1);
        for guard in repair.conditions() {
            match guard.version {
                Some(version) => println!("        if {} is still at version {version}", guard.item),
                None => println!("        if {} still does not exist", guard.item),
            }
        }
    }
}

/// What became of each change.
pub fn done(done: &[(String, Mended)]) {
    println!();
    for (what, mended) in done {
        println!("  {:<10} {what}", word(mended));
        if let Mended::Impossible(why) = mended {
            println!("             {why}");
        }
    }
}

const fn word(mended: &Mended) -> &'static str {
    match mended {
        Mended::Done => "done",
        Mended::Stale => "look again",
        Mended::Impossible(_) => "impossible",
    }
}

/// The same for a program.
pub fn json(report: &Report, planned: bool, changes: &[(String, Mended)]) -> io::Result<()> {
    let mut shown = serde_json::to_value(report)?;
    shown["sound"] = report.is_sound().into();
    if planned {
        shown["plan"] = serde_json::to_value(report.plan())?;
        let changed = |(what, mended): &(String, Mended)| json!({ "does": what, "outcome": word(mended) });
        shown["changes"] = changes.iter().map(changed).collect();
    }
    println!("{}", serde_json::to_string_pretty(&shown)?);
    Ok(())
}
