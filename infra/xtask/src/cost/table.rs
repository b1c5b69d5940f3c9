//! The figures beside their targets, for a person.

use super::prices::Prices;
use super::sheet::{Assumed, MIX, Parts, Sheet};
use std::fmt::Write;

/// What a figure should be.
enum Target {
    AtMost(f64),
    AtLeast(f64),
    Shown,
}

const TARGETS: [(&str, Target); 11] = [
    ("wru_event_p50", Target::AtMost(1.0)),
    ("wru_step_p50", Target::AtMost(3.0)),
    ("wru_first_p50", Target::AtMost(8.0)),
    ("requests_per_event", Target::AtMost(2.2)),
    ("requests_per_event_burst10", Target::AtMost(0.3)),
    ("usd_per_million_single", Target::AtMost(5.0)),
    ("usd_per_million_batch20", Target::AtMost(2.5)),
    ("usd_journey10_ratio", Target::AtLeast(5.0)),
    ("usd_idle_10m", Target::Shown),
    ("zip_mb", Target::AtMost(12.0)),
    ("init_extra_cpu_ms", Target::AtMost(50.0)),
];

impl Target {
    fn told(&self) -> String {
        match self {
            Self::AtMost(most) => format!("<= {most}"),
            Self::AtLeast(least) => format!(">= {least}"),
            Self::Shown => String::new(),
        }
    }

    fn verdict(&self, value: f64) -> &'static str {
        match self {
            Self::AtMost(most) if value <= *most => "met",
            Self::AtLeast(least) if value >= *least => "met",
            Self::AtMost(_) | Self::AtLeast(_) => "MISSED",
            Self::Shown => "shown",
        }
    }
}

/// Prints it as Markdown, which reads as a table too.
pub fn text(sheet: &Sheet, prices: &Prices, assumed: &Assumed) -> String {
    let mut out = String::from("| key | value | target | |\n| --- | --- | --- | --- |\n");
    for (name, target) in &TARGETS {
        if let Some((_, value)) = sheet.figures.iter().find(|(known, _)| known == name) {
            let (told, verdict) = (target.told(), target.verdict(*value));
            let _ = writeln!(out, "| `{name}` | {value:.2} | {told} | {verdict} |");
        }
    }
    let mix: Vec<String> = MIX.iter().map(|(name, share)| format!("{:.0} % {name}", share * 100.0)).collect();
    let _ = writeln!(out, "\nEvent mix: {}.\nPrices: {}.\nAssumed: {}.", mix.join(", "), prices.told(), assumed.json());
    let _ = writeln!(out, "\n| USD per million events | one by one | batches of 20 |\n| --- | --- | --- |");
    let batch = |name: &str| part(&sheet.batch20, name);
    for (name, usd) in &sheet.single {
        let _ = writeln!(out, "| {} | {usd:.2} | {:.2} |", name.replace('_', " "), batch(name));
    }
    out
}

fn part(parts: &Parts, name: &str) -> f64 {
    parts.iter().find(|(known, _)| *known == name).map_or(0.0, |(_, usd)| *usd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_says_whether_it_is_met() {
        assert_eq!((Target::AtMost(2.2).verdict(2.2), Target::AtMost(2.2).verdict(2.3)), ("met", "MISSED"));
        assert_eq!((Target::AtLeast(5.0).verdict(5.0), Target::AtLeast(5.0).verdict(4.9)), ("met", "MISSED"));
        assert_eq!(Target::Shown.verdict(1e9), "shown");
    }
}
