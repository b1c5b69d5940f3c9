//! The handle on a running platform.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::fault::Fault;
use crate::journal::{Call, Delivery};
use crate::people::PeopleChange;
use crate::server::{self, Shared};
use crate::tasks::{Refusal, TaskError};
use crate::world::World;

/// A running platform on 127.0.0.1. It ends, with its connections, when the handle is dropped.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    shared: Shared,
    task: JoinHandle<()>,
}

impl Simulator {
    /// Binds the port and serves on the current tokio runtime.
    ///
    /// # Errors
    /// The port cannot be bound.
    pub async fn start(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
        let address = listener.local_addr()?;
        let shared = Shared::new(World::new(config));
        let router = server::router(shared.clone());
        let task = tokio::spawn(server::serve(listener, router));
        Ok(Self { address, shared, task })
    }

    /// Where it listens, e.g. `http://127.0.0.1:41234`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every call so far, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.world().journal.calls.clone()
    }

    /// The calls to one path.
    pub fn calls_to(&self, path: &str) -> Vec<Call> {
        self.shared.world().journal.calls.iter().filter(|call| call.path == path).cloned().collect()
    }

    /// What really reached a person, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        let mut world = self.shared.world();
        world.settle();
        world.journal.deliveries.clone()
    }

    /// Scripts a fault.
    pub fn fault(&self, fault: Fault) {
        self.shared.world().faults.add(fault);
    }

    /// A mini-program user accepts `count` more sends of a template.
    pub fn grant(&self, openid: &str, template: &str, count: u32) {
        self.shared.world().people.grant(openid, template, count);
    }

    /// People vanish or come back.
    pub fn people(&self, change: PeopleChange) {
        self.shared.world().people.change(change);
    }

    /// The member confirms a group message task.
    ///
    /// # Errors
    /// No such task, or it is closed.
    pub fn confirm(&self, msgid: &str) -> Result<(), TaskError> {
        let result = self.shared.world().confirm(msgid);
        self.shared.announce();
        result
    }

    /// The task ends without reaching anybody.
    ///
    /// # Errors
    /// No such task, or it is closed.
    pub fn refuse(&self, msgid: &str, refusal: Refusal) -> Result<(), TaskError> {
        self.shared.world().refuse(msgid, refusal)
    }

    /// The task runs out; its result stays "unsent" for good, as on the real platform.
    ///
    /// # Errors
    /// No such task, or it is closed.
    pub fn expire(&self, msgid: &str) -> Result<(), TaskError> {
        self.shared.world().tasks.expire(msgid)
    }

    /// Every issued token is past its life: 42001.
    pub fn expire_tokens(&self) {
        self.shared.world().tokens.expire_all();
    }

    /// Every issued token is withdrawn: 40014.
    pub fn revoke_tokens(&self) {
        self.shared.world().tokens.revoke_all();
    }

    /// Moves the platform's time forward: tokens, duplicate window, rate window and automatic confirmation follow.
    pub fn advance(&self, by: Duration) {
        self.shared.world().clock.advance(by);
        self.shared.announce();
    }

    /// Forgets calls, deliveries, tasks, grants, people changes and faults; accounts, tokens and the clock stay.
    pub fn reset(&self) {
        self.shared.world().reset();
        self.shared.announce();
    }

    /// Waits until the journal satisfies `test`, without polling; false: `limit` passed first.
    pub async fn wait_until(&self, limit: Duration, test: impl Fn(&[Call], &[Delivery]) -> bool) -> bool {
        self.shared.wait_until(limit, |world| test(&world.journal.calls, &world.journal.deliveries)).await
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}
