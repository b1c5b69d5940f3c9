//! The report as text for a terminal, as Markdown for the README, and as JSON for machines.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::figures::{FIGURES, Spec, Target};
use crate::suite::Report;

/// The figures to show: all that were measured, and of the others those that were asked for.
fn shown(report: &Report) -> impl Iterator<Item = &'static Spec> {
    FIGURES.iter().filter(|spec| {
        report.summary.get(spec.key).is_some() || report.only.is_empty() || report.only.contains(spec.key)
    })
}

/// The verdicts of the shown figures; a reason that several figures of one phase share is told once.
fn verdicts(report: &Report) -> Vec<String> {
    let mut told = String::new();
    let once = |spec| {
        let verdict = report.summary.verdict(spec);
        if verdict == told && verdict.starts_with("not measured") {
            return "not measured: as above".to_owned();
        }
        told.clone_from(&verdict);
        verdict
    };
    shown(report).map(once).collect()
}

/// Key, value, target, verdict in aligned columns, then where the time went.
pub fn text(report: &Report) -> String {
    let rows: Vec<[String; 4]> = shown(report)
        .zip(verdicts(report))
        .map(|(spec, verdict)| [spec.key.to_owned(), value(report, spec), target(spec), verdict])
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (key_width, value_width, target_width) = (width(0), width(1), width(2));
    let mut text = format!("{}\n{}\n\n", report.machine, conditions(report));
    for [key, value, target, verdict] in &rows {
        let line = format!("{key:key_width$}  {value:>value_width$}  {target:>target_width$}  {verdict}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if !report.notes.is_empty() {
        text.push_str("\nWhere the time goes (last run):\n");
        report.notes.iter().for_each(|note| text.push_str(&format!("  {note}\n")));
    }
    text
}

/// The same as Markdown, with a column that says what each figure is.
pub fn markdown(report: &Report) -> String {
    let mut text = format!("Measured on {}. {}\n\n", report.machine, conditions(report));
    text.push_str("| key | what | value | target | verdict |\n| --- | --- | ---: | ---: | --- |\n");
    for (spec, verdict) in shown(report).zip(verdicts(report)) {
        let cells = [&format!("`{}`", spec.key), spec.what, &value(report, spec), &target(spec), &verdict]
            .map(|cell| cell.replace('|', "\\|").replace('\n', " "))
            .join(" | ");
        text.push_str(&format!("| {cells} |\n"));
    }
    if !report.notes.is_empty() {
        text.push_str("\nWhere the time goes (last run):\n\n");
        report.notes.iter().for_each(|note| text.push_str(&format!("- {note}\n")));
    }
    text
}

/// Every figure as a number (or null) under its key at the top; how it was judged under `details`.
pub fn json(report: &Report) -> Value {
    let mut top = Map::new();
    let mut details = Map::new();
    for spec in &FIGURES {
        top.insert(spec.key.to_owned(), json!(report.summary.value(spec.key)));
        details.insert(
            spec.key.to_owned(),
            json!({
                "what": spec.what,
                "target": target(spec),
                "verdict": report.summary.verdict(spec),
                "runs": report.summary.runs(spec.key),
            }),
        );
    }
    top.insert("machine".to_owned(), json!(report.machine));
    top.insert("runs".to_owned(), json!(report.runs));
    top.insert("record_bytes".to_owned(), json!(report.record_bytes));
    top.insert("notes".to_owned(), json!(report.notes));
    top.insert("details".to_owned(), Value::Object(details));
    Value::Object(top)
}

fn conditions(report: &Report) -> String {
    let runs = match report.runs {
        1 => "One run".to_owned(),
        runs => format!("Medians of {runs} runs"),
    };
    format!(
        "{runs}; generator and server share the machine; every answer is durable; log records of {} bytes.",
        report.record_bytes
    )
}

fn value(report: &Report, spec: &Spec) -> String {
    report.summary.value(spec.key).map_or_else(|| "-".to_owned(), |value| number(value, spec.decimals))
}

fn target(spec: &Spec) -> String {
    match spec.target {
        Target::None => String::new(),
        Target::AtLeast(target) => format!(">= {}", target_number(target)),
        Target::AtMost(target) => format!("<= {}", target_number(target)),
    }
}

/// A target as it was written: no digits it does not have.
fn target_number(target: f64) -> String {
    if target >= 1_000.0 { number(target, 0) } else { target.to_string() }
}

/// `12,345.6`: groups of three before the point.
fn number(value: f64, decimals: usize) -> String {
    let plain = format!("{value:.decimals$}");
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !fraction.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(grouped, ".{fraction}");
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{Measured, Run, Summary};
    use crate::machine::Machine;

    fn report() -> Report {
        let run = Run::from([
            ("floor_log_per_s", Measured::Value(61_234.4)),
            ("single_per_s_128", Measured::Value(12_000.0)),
            ("cdnow_s", Measured::Skipped("no file | here".into())),
        ]);
        Report {
            machine: Machine::describe(std::path::Path::new(".")),
            summary: Summary::of(&[run]),
            notes: vec!["a note".into()],
            runs: 1,
            only: ["cdnow_s".to_owned()].into(),
            record_bytes: 2_600,
        }
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(number(1_234_567.0, 0), "1,234,567");
        assert_eq!(number(999.04, 1), "999.0");
        assert_eq!(number(15_000.5, 2), "15,000.50");
    }

    #[test]
    fn the_table_shows_value_target_and_verdict() {
        let text = text(&report());
        let line = text.lines().find(|line| line.starts_with("single_per_s_128")).unwrap();
        assert!(line.ends_with("12,000  >= 15,000  missed by 20%"), "{line}");
        assert!(!text.contains("batch_per_s"), "not asked for, not measured: {text}");
        assert!(text.contains("a note"));
    }

    #[test]
    fn markdown_cells_do_not_break_the_row() {
        let text = markdown(&report());
        let row = text.lines().find(|line| line.starts_with("| `cdnow_s`")).unwrap();
        assert!(row.ends_with(r"| - | <= 10 | not measured: no file \| here |"), "{row}");
    }

    #[test]
    fn json_has_every_key_at_the_top() {
        let json = json(&report());
        assert_eq!(json["single_per_s_128"], 12_000.0);
        assert_eq!(json["cdnow_s"], Value::Null);
        assert_eq!(json["details"]["single_per_s_128"]["verdict"], "missed by 20%");
        assert!(FIGURES.iter().all(|spec| json.get(spec.key).is_some()));
    }
}
