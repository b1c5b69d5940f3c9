//! Segments: judged when something they read changed, and never otherwise.

use super::reaction::{Reaction, Seen};
use crate::event::Event;
use roadbook_journey::Edge;

impl Reaction<'_, '_, '_> {
    /// Judges the segments that read what was touched since the last time. A segment that changed touches those that
    /// refer to it: `affected` already lists them behind it.
    pub(super) fn judge_touched(&mut self) {
        self.judge_with(&[]);
    }

    /// The same, and the segments `also`, all in one pass in the order of their dependencies: judged apart, one that
    /// refers to another would be entered and left within an instant.
    pub(super) fn judge_with(&mut self, also: &[usize]) {
        let touched = std::mem::take(&mut self.touched);
        let rules = self.world.catalog.rules.clone();
        let mut indices = rules.affected(&touched);
        indices.extend(also);
        indices.sort_unstable();
        indices.dedup();
        for index in indices {
            self.judge(index);
        }
    }

    /// Judges what was touched and the segments that can hold for somebody about whom nothing is known: once, when
    /// the customer begins.
    pub(super) fn judge_first(&mut self) {
        let rules = self.world.catalog.rules.clone();
        self.judge_with(rules.true_when_blank());
    }

    /// Judges one segment and records the result where it differs from what is known.
    fn judge(&mut self, index: usize) {
        let rules = self.world.catalog.rules.clone();
        let rule = rules.segment(index);
        let truth = rule.compiled.evaluate(self.state(), self.world.reached);
        let known = self.state().memberships.get(&rule.id);
        let was_inside = known.is_some_and(|membership| membership.inside);
        let changed = was_inside != truth.holds;
        let was_recheck = known.and_then(|membership| membership.recheck_at);
        if !changed && was_recheck == truth.next_change_at {
            return;
        }
        self.emit(Event::SegmentJudged {
            segment: rule.id,
            revision: rule.revision,
            inside: truth.holds,
            changed,
            recheck_at: truth.next_change_at,
            at: self.world.at,
        });
        if changed {
            // Time alone may have changed it: then nothing else has touched the segments that refer to it.
            self.touched.segments.insert(rule.id);
            let edge = if truth.holds { Edge::Enter } else { Edge::Leave };
            self.seen.push_back(Seen::Crossed(rule.id, edge));
        }
    }
}
