//! Numbers for alarms: lines that CloudWatch reads out of the log (its embedded metric format), without a request.

use roadbook_runtime::Tally;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::sync::atomic::Ordering;

/// Where all metrics of the product lie.
const NAMESPACE: &str = "Roadbook";

/// One number: its name, its unit as CloudWatch spells it, its value.
pub type Number = (&'static str, &'static str, i64);

/// Writes the numbers of one moment.
pub fn tell(stack: &str, now_ms: i64, numbers: &[Number]) {
    // A log that cannot be written to is no reason to stop working.
    let _ = writeln!(std::io::stdout(), "{}", line(stack, now_ms, numbers));
}

fn line(stack: &str, now_ms: i64, numbers: &[Number]) -> Value {
    let metrics: Vec<Value> = numbers.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
    let mut line = Map::new();
    let about = json!({
        "Timestamp": now_ms,
        "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [["Stack"]], "Metrics": metrics }],
    });
    line.insert("_aws".into(), about);
    line.insert("Stack".into(), stack.into());
    line.extend(numbers.iter().map(|(name, _, value)| ((*name).to_owned(), json!(value))));
    Value::Object(line)
}

/// What should not happen, or not often. Counted by the functions whose turns it happens in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trouble([u64; 3]);

impl Trouble {
    /// What an engine has counted so far.
    pub fn of(tally: &Tally) -> Self {
        Self([&tally.conflicts, &tally.defects, &tally.parked].map(|one| one.load(Ordering::Relaxed)))
    }

    /// What came since.
    pub fn since(self, before: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at].saturating_sub(before.0[at])))
    }

    /// As numbers.
    pub fn numbers(self) -> [Number; 3] {
        let [conflicts, defects, parked] = self.0.map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        [("Conflicts", "Count", conflicts), ("Defects", "Count", defects), ("Parked", "Count", parked)]
    }

    /// Writes them, where there was any: a line costs what its bytes cost.
    pub fn tell(self, stack: &str, now_ms: i64) {
        if self.0 != [0; 3] {
            tell(stack, now_ms, &self.numbers());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_what_came_since() {
        let (before, after) = (Trouble([1, 2, 3]), Trouble([4, 2, 3]));
        let told = after.since(before).numbers();
        assert_eq!(told, [("Conflicts", "Count", 3), ("Defects", "Count", 0), ("Parked", "Count", 0)]);
    }

    #[test]
    fn a_line_has_what_cloudwatch_looks_for() {
        let line = line("roadbook-dev", 5, &[("OldestTimerMs", "Milliseconds", 7)]);
        let metrics = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(metrics["Metrics"], json!([{ "Name": "OldestTimerMs", "Unit": "Milliseconds" }]));
        assert_eq!((&line["Stack"], &line["OldestTimerMs"]), (&json!("roadbook-dev"), &json!(7)));
    }
}
