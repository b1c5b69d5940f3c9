//! The tables as a page: two Mermaid state diagrams and the mapping. A test holds README.md against it.

use crate::{From, RIPENINGS, Region, SIGNALS, STEPS, Signal, Step, THRESHOLDS, TRANSITIONS, Transition};
use std::collections::BTreeMap;
use std::fmt::Write;

/// One side of the machine as a Mermaid state diagram. Transitions with the same ends are one arrow.
pub fn mermaid(region: Region) -> String {
    let mut arrows: BTreeMap<(Option<Step>, Option<Step>), Vec<String>> = BTreeMap::new();
    let mut anywhere: Vec<(&Transition, String)> = Vec::new();
    for row in TRANSITIONS.iter().filter(|row| row.region == region) {
        let label = label(row);
        match row.from {
            From::Anywhere => anywhere.push((row, label)),
            From::At(steps) => steps.iter().for_each(|from| {
                arrows.entry((Some(*from), row.to)).or_default().push(label.clone());
            }),
            From::StartOr(steps) => {
                arrows.entry((None, row.to)).or_default().push(label.clone());
                steps.iter().filter(|from| Some(**from) != row.to).for_each(|from| {
                    arrows.entry((Some(*from), row.to)).or_default().push(label.clone());
                });
            }
        }
    }
    let mut out = String::from("stateDiagram-v2\n");
    for spec in STEPS.iter().filter(|spec| spec.region == region) {
        let _ = writeln!(out, "    {}: {} {}", spec.step.word(), spec.step.zh(), spec.step.en());
    }
    let name = |step: Option<Step>| step.map_or("[*]", Step::word);
    for ((from, to), labels) in arrows {
        let _ = writeln!(out, "    {} --> {}: {}", name(from), name(to), labels.join(", "));
    }
    for (row, label) in anywhere {
        let _ = writeln!(out, "    state \"anywhere\" as any_{}", row_name(row));
        let _ = writeln!(out, "    any_{} --> {}: {label}", row_name(row), name(row.to));
    }
    out
}

fn row_name(row: &Transition) -> String {
    format!("{}{}", row.signal.word(), row.nth)
}

fn label(row: &Transition) -> String {
    match row.nth {
        1 => row.signal.word().to_owned(),
        nth => format!("{} no. {nth}", row.signal.word()),
    }
}

/// The mapping between the four vocabularies and the signals, as Markdown tables.
pub fn tables() -> String {
    let mut out = String::from("| step | 步骤 | stage | for somebody who has a car | AIPL | purchase | phase |\n");
    out.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
    for spec in &STEPS {
        let as_owner = spec.as_owner.map(|(stage, phase)| format!("{} {}, {}", stage.zh(), stage.word(), phase.zh()));
        let purchase = spec.purchase.map(|state| format!("{} {}", state.zh(), state.word()));
        let _ = writeln!(
            out,
            "| {} | {} | {} {} | {} | {} | {} | {} {} |",
            spec.step.word(),
            spec.step.zh(),
            spec.stage.zh(),
            spec.stage.word(),
            as_owner.unwrap_or_default(),
            spec.aipl.word(),
            purchase.unwrap_or_default(),
            spec.phase.zh(),
            spec.phase.word(),
        );
    }
    out.push_str("\n| signal | 信号 | events |\n| --- | --- | --- |\n");
    for spec in &SIGNALS {
        let _ = writeln!(out, "| {} | {} | {} |", spec.signal.word(), spec.signal.zh(), comes_from(spec.signal));
    }
    out
}

fn comes_from(signal: Signal) -> String {
    let spec = signal.spec();
    let threshold = THRESHOLDS.iter().find(|threshold| threshold.gives == signal);
    let ripening = RIPENINGS.iter().find(|ripening| ripening.gives == signal);
    match (threshold, ripening) {
        (Some(one), _) => format!("{} times {} within {} days", one.times, one.of.word(), one.within_days),
        (None, Some(one)) => format!("{} days after {}, by itself", one.after_days, one.of.word()),
        (None, None) => {
            let events: Vec<String> = spec.events.iter().map(|event| format!("`{event}`")).collect();
            let needs = match spec.needs {
                crate::Need::Nothing => String::new(),
                crate::Need::Entries { of, least } => format!(" with {least} entries in `{}`", of.join("` and `")),
                crate::Need::OneOf { property, values } => format!(" with `{property}` {}", values.join(" or ")),
            };
            format!("{}{needs}", events.join(" "))
        }
    }
}
