//! The fake WeCom (企业微信) and WeChat mini-program (小程序) platform, over real HTTP.
//!
//! It answers like the real one where a client can tell the difference: HTTP 200 with an `errcode` in the body,
//! tokens that expire, a group message that stays a task until a seller confirms it, one subscription grant per
//! send. Behind `/_control` a test scripts faults and reads what was called and what really reached a person.
//!
//! It imports nothing of the product, so that a misunderstanding cannot cancel itself out on both sides.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use roadbook_simulator::{Config, Simulator};
//! let platform = Simulator::start(Config::default()).await?;
//! platform.grant("openid-1", "template-1", 1);
//! println!("{}", platform.base_url());
//! # Ok(())
//! # }
//! ```

mod clock;
mod config;
mod control;
mod errcode;
mod fault;
mod journal;
mod limits;
mod people;
mod platform;
mod server;
mod simulator;
mod tasks;
mod tokens;
mod world;

pub use config::{Config, CorpApp, MiniProgram};
pub use fault::{Fault, FaultKind};
pub use journal::{Call, Delivery, Medium};
pub use people::PeopleChange;
pub use simulator::Simulator;
pub use tasks::{Refusal, TaskError};
