//! Segments in the order of their references, or the references that forbid an order.

use crate::check::walk;
use crate::{Compiled, Condition, Problem};
use roadbook_kernel::SegmentId;
use std::collections::{BTreeMap, BTreeSet};

type Segment = (SegmentId, u32, Compiled);

/// Those referred to before those that refer; among equals by id, so that every process gets the same order.
pub(super) fn by_dependency(segments: Vec<Segment>) -> Result<Vec<Segment>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut waiting: BTreeMap<SegmentId, Segment> = BTreeMap::new();
    for segment in segments {
        if let Some((id, ..)) = waiting.insert(segment.0, segment) {
            let detail = format!("segment {id} is given twice; give each segment once");
            problems.push(Problem { pointer: String::new(), code: "duplicate_segment", detail });
        }
    }
    let known: BTreeSet<SegmentId> = waiting.keys().copied().collect();
    for (id, _, compiled) in waiting.values() {
        report(&mut problems, *id, compiled, |referred| {
            let missing = !known.contains(&referred);
            missing.then(|| ("missing_segment", format!("refers to {referred}, which is not published")))
        });
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    sort(waiting)
}

fn sort(mut waiting: BTreeMap<SegmentId, Segment>) -> Result<Vec<Segment>, Vec<Problem>> {
    let mut open: BTreeMap<SegmentId, usize> = BTreeMap::new();
    let mut dependents: BTreeMap<SegmentId, Vec<SegmentId>> = BTreeMap::new();
    for (id, _, compiled) in waiting.values() {
        open.insert(*id, compiled.reads().segments.len());
        for referred in &compiled.reads().segments {
            dependents.entry(*referred).or_default().push(*id);
        }
    }
    let mut ready: BTreeSet<SegmentId> = open.iter().filter(|(_, count)| **count == 0).map(|(id, _)| *id).collect();
    let mut sorted = Vec::with_capacity(waiting.len());
    while let Some(id) = ready.pop_first() {
        sorted.extend(waiting.remove(&id));
        for dependent in dependents.get(&id).into_iter().flatten() {
            if let Some(count) = open.get_mut(dependent) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(*dependent);
                }
            }
        }
    }
    if waiting.is_empty() { Ok(sorted) } else { Err(cycles(&waiting)) }
}

/// Names the references that lie on a cycle. What only waits for a cycle is not at fault.
fn cycles(waiting: &BTreeMap<SegmentId, Segment>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (id, _, compiled) in waiting.values() {
        report(&mut problems, *id, compiled, |referred| {
            let returns = reaches(waiting, referred, *id);
            returns.then(|| ("segment_cycle", format!("refers to {referred}, which leads back to it")))
        });
    }
    problems
}

fn reaches(waiting: &BTreeMap<SegmentId, Segment>, from: SegmentId, goal: SegmentId) -> bool {
    let mut seen = BTreeSet::new();
    let mut next = vec![from];
    while let Some(id) = next.pop() {
        if id == goal {
            return true;
        }
        if seen.insert(id) {
            next.extend(waiting.get(&id).into_iter().flat_map(|(_, _, compiled)| &compiled.reads().segments));
        }
    }
    false
}

fn report(
    problems: &mut Vec<Problem>,
    id: SegmentId,
    compiled: &Compiled,
    judge: impl Fn(SegmentId) -> Option<(&'static str, String)>,
) {
    walk(compiled.condition(), &mut |condition, place| {
        if let Condition::Segment(referred) = condition
            && let Some((code, detail)) = judge(*referred)
        {
            problems.push(Problem::new(&place.key("segment"), code, format!("segment {id} {detail}")));
        }
    });
}
