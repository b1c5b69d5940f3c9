//! The product's only outbound HTTP: WeCom (企业微信) and WeChat mini-program (小程序) clients behind the runtime's
//! `Channel` port.
//!
//! One send is one closed answer. The rule that everything here serves: a message is repeated only if it certainly did
//! not reach the provider, or if the provider itself recognises the repetition.
//!
//! | interface | repeated after a lost answer? | why |
//! | --- | --- | --- |
//! | `message/send` | yes, a few times at once | `enable_duplicate_check`: same content, same member, one delivery |
//! | `add_msg_template` | never | a second call makes a second task |
//! | `message/subscribe/send` | never | a second call uses a second grant |
//!
//! Besides the platforms it calls the tenants' own webhook endpoints ([`Webhooks`]), at least once and signed.
//!
//! Where is what: codes and what they mean in [`reaction`]; tokens in `tokens.rs`; lost answers in `http.rs`; waiting
//! lanes in `lanes.rs`.

mod accounts;
mod answer;
mod channels;
mod documents;
mod gateway;
mod http;
mod lanes;
mod miniprogram;
pub mod reaction;
mod recording;
mod secret;
mod settings;
mod tokens;
mod webhooks;
mod wecom;

pub use accounts::{Accounts, CorpAccount, MiniProgramAccount};
pub use channels::Channels;
pub use documents::Documents;
pub use recording::{Recorded, Recording};
pub use secret::Secret;
pub use settings::{Settings, SettingsError};
pub use webhooks::Webhooks;
