//! One awake customer.

use actix::prelude::*;
use roadbook_customer::{Command, Customer};
use roadbook_kernel::ActorKey;
use roadbook_runtime::mutants::mutant;
use roadbook_runtime::ports::Fault;
use roadbook_runtime::{Delivered, Engine, Message, Outcome, Row, Work, deliver};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Messages that may wait for one customer; more are answered "overloaded" before anything is taken.
const WAITING_MAX: usize = 10_000;

/// What is asked of a customer, and who waits for the answer.
pub(crate) enum Ask {
    /// Decide these.
    Messages { messages: Vec<Message<Command>>, answer: oneshot::Sender<Result<Vec<Outcome>, Fault>> },
    /// Look whether something is due.
    Poke { answer: oneshot::Sender<Result<(), Fault>> },
}

impl actix::Message for Ask {
    type Result = ();
}

/// Finish what waits, then go to sleep.
pub(crate) struct Sleep;

impl actix::Message for Sleep {
    type Result = ();
}

/// The mailbox of one customer.
pub(crate) struct Awake {
    key: ActorKey,
    engine: Arc<Engine>,
    row: Option<Row<Customer>>,
    waiting: Vec<Ask>,
    waiting_messages: usize,
    busy: bool,
    sleepy: bool,
}

impl Awake {
    pub(crate) fn new(key: ActorKey, engine: Arc<Engine>) -> Self {
        Self { key, engine, row: None, waiting: Vec::new(), waiting_messages: 0, busy: false, sleepy: false }
    }

    fn next_turn(&mut self, ctx: &mut Context<Self>) {
        if self.sleepy && mutant!(StopWhileBusy) {
            ctx.stop();
        }
        if self.busy && !mutant!(BusyIgnored) {
            return;
        }
        if self.waiting.is_empty() || (self.sleepy && mutant!(StopWhileWaiting)) {
            if self.sleepy {
                ctx.stop();
            }
            return;
        }
        self.busy = true;
        self.waiting_messages = 0;
        let asks = std::mem::take(&mut self.waiting);
        let turn = turn(self.engine.clone(), self.key, self.row.take(), asks);
        ctx.spawn(turn.into_actor(self).map(|row, awake, ctx| {
            awake.row = row;
            awake.busy = false;
            awake.next_turn(ctx);
        }));
    }
}

impl Actor for Awake {
    type Context = Context<Self>;
}

impl Handler<Ask> for Awake {
    type Result = ();

    fn handle(&mut self, ask: Ask, ctx: &mut Self::Context) {
        if let Ask::Messages { messages, .. } = &ask {
            // One delivery alone is always taken, however large: refused, it would be refused for ever.
            if self.waiting_messages > 0 && self.waiting_messages + messages.len() > WAITING_MAX {
                refuse(ask);
                return;
            }
            self.waiting_messages += messages.len();
        }
        self.waiting.push(ask);
        self.next_turn(ctx);
    }
}

impl Handler<Sleep> for Awake {
    type Result = ();

    fn handle(&mut self, _: Sleep, ctx: &mut Self::Context) {
        self.sleepy = true;
        self.next_turn(ctx);
    }
}

fn refuse(ask: Ask) {
    // Whoever no longer waits does not need the answer.
    let _gone = match ask {
        Ask::Messages { answer, .. } => answer.send(Err(Fault::Overloaded)).is_err(),
        Ask::Poke { answer } => answer.send(Err(Fault::Overloaded)).is_err(),
    };
}

/// Takes everything that waits in one delivery, and answers each asker after the commit. Returns the row to keep.
async fn turn(engine: Arc<Engine>, key: ActorKey, row: Option<Row<Customer>>, asks: Vec<Ask>) -> Option<Row<Customer>> {
    let mut all = Vec::new();
    let mut askers = Vec::new();
    let mut pokers = Vec::new();
    for ask in asks {
        match ask {
            Ask::Messages { messages, answer } => {
                askers.push((messages.len(), answer));
                if all.is_empty() { all = messages } else { all.extend(messages) }
            }
            Ask::Poke { answer } => pokers.push(answer),
        }
    }
    let mut kept = row;
    if !askers.is_empty() {
        match deliver::<Customer>(&engine, key, kept.take(), Work::Messages(all)).await {
            Ok(Delivered { outcomes, row }) => {
                kept = row;
                let mut outcomes = outcomes.into_iter();
                if mutant!(AnswersShifted) {
                    askers.reverse();
                }
                for (count, answer) in askers {
                    let _gone = answer.send(Ok(outcomes.by_ref().take(count).collect())).is_err();
                }
            }
            Err(fault) => {
                for (_, answer) in askers {
                    let _gone = answer.send(Err(fault.clone())).is_err();
                }
            }
        }
    }
    if !pokers.is_empty() {
        let poked = deliver::<Customer>(&engine, key, kept.take(), Work::Poke).await;
        let result = poked.map(|delivered| kept = delivered.row);
        for answer in pokers {
            let _gone = answer.send(result.clone()).is_err();
        }
    }
    kept
}
