//! One step of a passage: a pure function from where the customer is and what happened to what follows.

use crate::node::Node;
use crate::{Ending, Happening, Revision, Run, RunState, SendPlan};
use roadbook_audience::Subject;
use roadbook_kernel::Moment;
use serde_json::Value;

/// What a passage is told.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Execute the node the customer is at; the state must be [`RunState::Ready`].
    Run,
    /// The instant the passage waited for has come; `now` is that due instant, however late the host is.
    Timer,
    /// Something happened to the customer; `now` is when.
    Happening(&'a Happening<'a>),
}

/// What follows from one input: first the actions, in order, then the move.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// What the node asks for.
    pub actions: Vec<Action>,
    /// Where the passage goes.
    pub next: Next,
}

/// Something a node asks of the customer.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// Send a message, if consent and address allow it.
    Send(SendPlan),
    /// Set a tag.
    SetTag {
        /// The tag's key.
        tag: String,
        /// Its value; empty for a tag without one.
        value: String,
        /// How long after `now` it falls off again, in milliseconds; `None` = it stays.
        expires_in_ms: Option<i64>,
    },
    /// Take a tag away.
    ClearTag {
        /// The tag's key.
        tag: String,
    },
    /// Set a trait, as of `now`.
    SetTrait {
        /// The trait's key.
        key: String,
        /// Its value; null removes it.
        value: Value,
    },
}

/// Where a passage goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// Nothing changed: the input does not concern this passage as it stands.
    Stay,
    /// To another node, which is to be executed at the same instant.
    Goto(String),
    /// The customer waits here.
    Pause {
        /// Until when at the longest.
        until: Moment,
        /// Whether an event can end the wait.
        listening: bool,
    },
    /// The journey is paused: the customer is held here.
    Hold,
    /// The passage is over.
    End(Ending),
}

impl Step {
    const STAY: Step = Step { actions: Vec::new(), next: Next::Stay };

    pub(crate) fn to(next: Next) -> Self {
        Step { actions: Vec::new(), next }
    }

    fn goto(node: &str) -> Self {
        Step::to(Next::Goto(node.to_owned()))
    }

    fn act(action: Action, next: &str) -> Self {
        Step { actions: vec![action], next: Next::Goto(next.to_owned()) }
    }
}

/// Executes exactly one node, or reacts to one input. One at a time, because what a node does to the customer (a
/// tag, a trait) must be seen by the branch after it.
///
/// * A happening is held against the goal first, then the exits, then the `wait_for` the customer stands at.
///   Goal and exit interrupt whatever the passage is doing.
/// * A happening dated before the passage began does not concern it: a late event that the customer did before
///   entering neither reaches the goal nor ends the passage.
/// * The event that let the customer in is not to be fed to the passage it began.
/// * At one instant the caller feeds events before the timer, so an event exactly at the time-out still counts.
/// * Waits begin at the `now` given, so two replays pause until the same instants.
///
/// Never panics. A passage whose node this revision lacks stays where it is: the caller passed the wrong revision,
/// and ending the passage would lose it.
pub fn step(revision: &Revision, run: &Run, input: Input<'_>, subject: &dyn Subject, now: Moment) -> Step {
    let Some(node) = revision.node(&run.node) else { return Step::STAY };
    match (input, run.state) {
        (Input::Run, RunState::Ready) => execute(node, subject, now),
        (Input::Timer, RunState::Waiting { until } | RunState::Listening { until }) if now >= until => wake(node),
        (Input::Happening(happening), state) if now >= run.entered_at => react(revision, node, state, happening),
        (Input::Run, RunState::Waiting { .. } | RunState::Listening { .. })
        | (Input::Timer, RunState::Ready | RunState::Waiting { .. } | RunState::Listening { .. })
        | (Input::Happening(_), _) => Step::STAY,
    }
}

fn execute(node: &Node, subject: &dyn Subject, now: Moment) -> Step {
    match node {
        Node::Wait { ms, .. } => Step::to(Next::Pause { until: now.plus_ms(*ms), listening: false }),
        Node::WaitFor { timeout_ms, .. } => Step::to(Next::Pause { until: now.plus_ms(*timeout_ms), listening: true }),
        Node::Branch { cases, otherwise } => {
            let chosen = cases.iter().find(|case| case.condition.evaluate(subject, now).holds);
            Step::goto(chosen.map_or(otherwise, |case| &case.next))
        }
        Node::Send { plan, next } => Step::act(Action::Send(plan.clone()), next),
        Node::SetTag { tag, value, expires_in_ms, next } => {
            let (tag, value) = (tag.clone(), value.clone());
            Step::act(Action::SetTag { tag, value, expires_in_ms: *expires_in_ms }, next)
        }
        Node::ClearTag { tag, next } => Step::act(Action::ClearTag { tag: tag.clone() }, next),
        Node::SetTrait { key, value, next } => {
            Step::act(Action::SetTrait { key: key.clone(), value: value.clone() }, next)
        }
        Node::Exit => Step::to(Next::End(Ending::Completed)),
        Node::Goal => Step::to(Next::End(Ending::Goal)),
    }
}

/// The time a node waited for is over.
fn wake(node: &Node) -> Step {
    match node {
        Node::Wait { next, .. } => Step::goto(next),
        Node::WaitFor { on_timeout, .. } => Step::goto(on_timeout),
        Node::Branch { .. }
        | Node::Send { .. }
        | Node::SetTag { .. }
        | Node::ClearTag { .. }
        | Node::SetTrait { .. }
        | Node::Exit
        | Node::Goal => Step::STAY,
    }
}

pub(crate) fn react(revision: &Revision, node: &Node, state: RunState, happening: &Happening<'_>) -> Step {
    if revision.goal().is_some_and(|goal| goal.matches(happening)) {
        return Step::to(Next::End(Ending::Goal));
    }
    if revision.exits().iter().any(|exit| exit.matches(happening)) {
        return Step::to(Next::End(Ending::Exited));
    }
    if let (Node::WaitFor { trigger, on_event, .. }, RunState::Listening { .. }) = (node, state)
        && trigger.matches(happening)
    {
        return Step::goto(on_event);
    }
    Step::STAY
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Edge;
    use crate::examples::{Customer, everything, segment, with};
    use roadbook_kernel::{DAY_MS, JourneyId, MINUTE_MS, Personal, RunId};
    use serde_json::{Map, json};
    use std::collections::BTreeMap;

    const T0: Moment = Moment::from_millis(1_000_000);

    fn run_at(node: &str, state: RunState) -> Run {
        Run {
            id: RunId::from_u128(1),
            journey: JourneyId::from_u128(2),
            revision: 1,
            entered_at: T0,
            node: node.into(),
            state,
            held: None,
            iterations: BTreeMap::new(),
            entry: Personal::default(),
        }
    }

    fn go(node: &str, state: RunState, input: Input<'_>, now: Moment) -> Step {
        let revision = Revision::parse(&everything()).unwrap();
        step(&revision, &run_at(node, state), input, &Customer(None), now)
    }

    fn event<'a>(name: &'a str, properties: &'a Map<String, Value>) -> Happening<'a> {
        Happening::Event { name, properties }
    }

    fn properties(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_ready_node_is_executed() {
        let table = [
            ("settle", Next::Pause { until: T0.plus_ms(30 * MINUTE_MS), listening: false }),
            ("drive", Next::Pause { until: T0.plus_ms(3 * DAY_MS), listening: true }),
            ("ask", Next::Goto("remember".into())),
            ("task", Next::Goto("mini".into())),
            ("warm", Next::Goto("cool".into())),
            ("cool", Next::Goto("won".into())),
            ("remember", Next::Goto("settle".into())),
            ("over", Next::End(Ending::Completed)),
            ("won", Next::End(Ending::Goal)),
            ("gone", Next::Stay),
        ];
        for (node, expected) in table {
            assert_eq!(go(node, RunState::Ready, Input::Run, T0).next, expected, "{node}");
        }
    }

    #[test]
    fn nodes_ask_for_their_actions() {
        let actions = |node: &str| go(node, RunState::Ready, Input::Run, T0).actions;
        let hot = Action::SetTag { tag: "hot".into(), value: "H".into(), expires_in_ms: Some(30 * DAY_MS) };
        assert_eq!(actions("warm"), [hot]);
        assert_eq!(actions("cool"), [Action::ClearTag { tag: "cold".into() }]);
        assert_eq!(actions("remember"), [Action::SetTrait { key: "asked".into(), value: json!(true) }]);
        match actions("tell_seller").as_slice() {
            [Action::Send(plan)] => assert_eq!(plan.node, "tell_seller"),
            other => panic!("one send expected, got {other:?}"),
        }
        assert_eq!(actions("ask"), []);
    }

    #[test]
    fn a_branch_takes_the_first_case_that_holds() {
        let revision = Revision::parse(&everything()).unwrap();
        let customer = Customer(Some(("city", json!("上海"))));
        let taken = step(&revision, &run_at("ask", RunState::Ready), Input::Run, &customer, T0);
        assert_eq!(taken.next, Next::Goto("tell_seller".into()));
    }

    #[test]
    fn a_timer_wakes_what_waits_and_nothing_else() {
        let until = T0.plus_ms(10);
        let (waiting, listening) = (RunState::Waiting { until }, RunState::Listening { until });
        let table = [
            ("settle", waiting, until, Next::Goto("drive".into())),
            ("drive", listening, until, Next::Goto("ask".into())),
            ("drive", listening, until.plus_ms(5), Next::Goto("ask".into())),
            ("settle", waiting, T0.plus_ms(9), Next::Stay),
            ("settle", RunState::Ready, until, Next::Stay),
            ("task", waiting, until, Next::Stay),
        ];
        for (node, state, now, expected) in table {
            assert_eq!(go(node, state, Input::Timer, now).next, expected, "{node} {state:?} {now:?}");
        }
        assert_eq!(go("settle", waiting, Input::Run, T0).next, Next::Stay, "a waiting node is not executed again");
    }

    #[test]
    fn goal_and_exit_interrupt_any_wait() {
        let nothing = Map::new();
        let until = T0.plus_ms(10);
        let left = Happening::Segment { id: segment(), edge: Edge::Leave };
        let entered = Happening::Segment { id: segment(), edge: Edge::Enter };
        let table = [
            (event("order_placed", &nothing), Next::End(Ending::Goal)),
            (event("lead_closed", &nothing), Next::End(Ending::Exited)),
            (left, Next::End(Ending::Exited)),
            (entered, Next::Stay),
            (event("test_drive_completed", &nothing), Next::Stay),
        ];
        for (happening, expected) in &table {
            for state in [RunState::Ready, RunState::Waiting { until }] {
                let taken = go("settle", state, Input::Happening(happening), T0);
                assert_eq!(&taken.next, expected, "{happening:?} {state:?}");
                assert!(taken.actions.is_empty());
            }
        }
    }

    #[test]
    fn what_was_waited_for_must_pass_its_filters() {
        let state = RunState::Listening { until: T0.plus_ms(10) };
        let (far, near) = (properties(json!({"km": 12})), properties(json!({"km": 1})));
        let came = |happening: Happening<'_>| go("drive", state, Input::Happening(&happening), T0).next;
        assert_eq!(came(event("test_drive_completed", &far)), Next::Goto("warm".into()));
        assert_eq!(came(event("test_drive_completed", &near)), Next::Stay);
        assert_eq!(came(event("other", &far)), Next::Stay);
        let not_listening = go("drive", RunState::Ready, Input::Happening(&event("test_drive_completed", &far)), T0);
        assert_eq!(not_listening.next, Next::Stay);
    }

    #[test]
    fn goal_comes_before_exit_before_the_awaited_event() {
        let far = properties(json!({"km": 12}));
        let all_three = event("test_drive_completed", &far);
        let mut definition = with("/goal", json!({"event": "test_drive_completed"}));
        definition["exit"] = json!([{"event": "test_drive_completed"}]);
        let state = RunState::Listening { until: T0.plus_ms(10) };
        let came = |definition: &Value| {
            let revision = Revision::parse(definition).unwrap();
            step(&revision, &run_at("drive", state), Input::Happening(&all_three), &Customer(None), T0).next
        };
        assert_eq!(came(&definition), Next::End(Ending::Goal));
        definition.as_object_mut().unwrap().remove("goal");
        assert_eq!(came(&definition), Next::End(Ending::Exited));
        definition["exit"] = json!([]);
        assert_eq!(came(&definition), Next::Goto("warm".into()));
    }

    #[test]
    fn what_happened_before_the_entry_does_not_count() {
        let nothing = Map::new();
        let state = RunState::Waiting { until: T0.plus_ms(10) };
        let early = go("settle", state, Input::Happening(&event("order_placed", &nothing)), T0.minus_ms(1));
        assert_eq!(early.next, Next::Stay);
    }
}
