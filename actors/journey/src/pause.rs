//! What a pause does to passages under way: they are held where they are, and go on when it ends.
//!
//! While a journey is paused nobody enters it. A passage is held when its next step would be due: its timer has come,
//! or the event it listened for has, and the node after it would be executed. A held passage has no timer, so a
//! million of them cost nothing; goal and exits still end it. When the pause ends each goes on once, as of the instant
//! at which it ended: a wait that was over meanwhile is over, and the waits behind it begin then.

use crate::step::react;
use crate::{Ending, Happening, Input, Next, Revision, Run, RunState, Step, step};
use roadbook_audience::Subject;
use roadbook_kernel::{MINUTE_MS, Moment};
use serde::{Deserialize, Serialize};

/// After this time a passage that was just held looks once more whether the journey still stands still.
///
/// Hazard: a turn that had read the catalog before the pause ended may hold a passage after everybody else was let go.
/// No such turn takes a minute.
pub const LOOK_AGAIN_MS: i64 = MINUTE_MS;

/// Whether passages of a journey may go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Standing {
    /// They go on.
    #[default]
    Open,
    /// They are held.
    Paused,
    /// The journey was retired: they end.
    Closed,
}

/// That a passage is held.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Held {
    /// Since when: the instant at which it would have gone on.
    #[serde(rename = "a")]
    pub since: Moment,
    /// When to look once more; `None` once that was done.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub look_at: Option<Moment>,
}

/// [`step()`] of a journey that may be paused or retired.
pub fn step_under(
    standing: Standing,
    revision: &Revision,
    run: &Run,
    input: Input<'_>,
    subject: &dyn Subject,
    now: Moment,
) -> Step {
    match (standing, run.held) {
        (Standing::Closed, _) => Step::to(Next::End(Ending::Archived)),
        (Standing::Open, None) => step(revision, run, input, subject, now),
        (Standing::Open | Standing::Paused, Some(_)) => while_held(revision, run, input, now),
        (Standing::Paused, None) => match (input, run.state) {
            (Input::Run, RunState::Ready) => Step::to(Next::Hold),
            (Input::Timer, RunState::Waiting { until } | RunState::Listening { until }) if now >= until => {
                Step::to(Next::Hold)
            }
            (Input::Happening(_), _) => step(revision, run, input, subject, now),
            (Input::Run | Input::Timer, _) => Step::to(Next::Stay),
        },
    }
}

/// Only goal and exits reach a held passage. What it waited for came too late, or has already come.
fn while_held(revision: &Revision, run: &Run, input: Input<'_>, now: Moment) -> Step {
    match input {
        Input::Happening(happening) if now >= run.entered_at => interrupted(revision, run, happening),
        Input::Happening(_) | Input::Run | Input::Timer => Step::to(Next::Stay),
    }
}

fn interrupted(revision: &Revision, run: &Run, happening: &Happening<'_>) -> Step {
    match revision.node(&run.node) {
        Some(node) => react(revision, node, RunState::Ready, happening),
        None => Step::to(Next::Stay),
    }
}

/// What a passage that is let go is told at `now`; `None` where its own timer will say so.
pub fn let_go(state: RunState, now: Moment) -> Option<Input<'static>> {
    match state {
        RunState::Ready => Some(Input::Run),
        RunState::Waiting { until } | RunState::Listening { until } if until <= now => Some(Input::Timer),
        RunState::Waiting { .. } | RunState::Listening { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{Customer, everything};
    use roadbook_kernel::{JourneyId, Personal, RunId};
    use serde_json::{Map, Value, json};
    use std::collections::BTreeMap;

    const T0: Moment = Moment::from_millis(1_000_000);
    const UNTIL: Moment = T0.plus_ms(10);

    fn run_at(node: &str, state: RunState, held: bool) -> Run {
        Run {
            id: RunId::from_u128(1),
            journey: JourneyId::from_u128(2),
            revision: 1,
            entered_at: T0,
            node: node.into(),
            state,
            held: held.then_some(Held { since: UNTIL, look_at: None }),
            iterations: BTreeMap::new(),
            entry: Personal::default(),
        }
    }

    fn go(standing: Standing, run: &Run, input: Input<'_>, now: Moment) -> Step {
        let revision = Revision::parse(&everything()).unwrap();
        step_under(standing, &revision, run, input, &Customer(None), now)
    }

    fn properties(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_pause_holds_what_would_go_on_and_does_nothing_else() {
        let (waiting, listening) = (RunState::Waiting { until: UNTIL }, RunState::Listening { until: UNTIL });
        let table = [
            ("tell_seller", RunState::Ready, Input::Run, T0, Next::Hold),
            ("settle", waiting, Input::Timer, UNTIL, Next::Hold),
            ("drive", listening, Input::Timer, UNTIL, Next::Hold),
            ("settle", waiting, Input::Timer, T0, Next::Stay),
            ("settle", waiting, Input::Run, UNTIL, Next::Stay),
        ];
        for (node, state, input, now, expected) in table {
            let held = go(Standing::Paused, &run_at(node, state, false), input, now);
            assert_eq!((held.next, held.actions), (expected, vec![]), "{node} {state:?}");
            let again = go(Standing::Paused, &run_at(node, state, true), input, now);
            assert_eq!(again.next, Next::Stay, "{node} {state:?} is held already");
        }
    }

    #[test]
    fn what_a_passage_listens_for_moves_it_once_and_not_after_its_time() {
        let far = properties(json!({"km": 12}));
        let driven = Happening::Event { name: "test_drive_completed", properties: &far };
        let state = RunState::Listening { until: UNTIL };
        let moved = go(Standing::Paused, &run_at("drive", state, false), Input::Happening(&driven), T0);
        assert_eq!(moved.next, Next::Goto("warm".into()), "it came in time");
        let late = go(Standing::Paused, &run_at("drive", state, true), Input::Happening(&driven), UNTIL.plus_ms(1));
        assert_eq!(late.next, Next::Stay, "the time-out came first");
    }

    #[test]
    fn goal_and_exit_end_held_passages_and_retiring_ends_all() {
        let nothing = Map::new();
        let event = |name| Happening::Event { name, properties: &nothing };
        for (name, how) in [("order_placed", Ending::Goal), ("lead_closed", Ending::Exited)] {
            for (standing, held) in [(Standing::Paused, false), (Standing::Paused, true), (Standing::Open, true)] {
                let run = run_at("settle", RunState::Waiting { until: UNTIL }, held);
                let ended = go(standing, &run, Input::Happening(&event(name)), UNTIL);
                assert_eq!(ended.next, Next::End(how), "{standing:?} {held}");
            }
        }
        let before = go(
            Standing::Paused,
            &run_at("settle", RunState::Waiting { until: UNTIL }, true),
            Input::Happening(&event("order_placed")),
            T0.minus_ms(1),
        );
        assert_eq!(before.next, Next::Stay, "it happened before the entry");
        for input in [Input::Run, Input::Timer, Input::Happening(&event("other"))] {
            let closed = go(Standing::Closed, &run_at("settle", RunState::Waiting { until: UNTIL }, false), input, T0);
            assert_eq!(closed.next, Next::End(Ending::Archived));
        }
    }

    #[test]
    fn a_passage_that_is_let_go_does_what_was_due() {
        assert!(matches!(let_go(RunState::Ready, T0), Some(Input::Run)));
        assert!(matches!(let_go(RunState::Waiting { until: UNTIL }, UNTIL), Some(Input::Timer)));
        assert!(let_go(RunState::Listening { until: UNTIL }, T0).is_none(), "its timer is still to come");
    }
}
