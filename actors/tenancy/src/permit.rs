//! The one function that decides whether a message may go out, and to which address.

use crate::{ConsentLedger, Purpose};
use roadbook_kernel::Personal;
use serde::{Deserialize, Serialize};

/// The ways a message can leave.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ChannelKind {
    /// WeCom app message to a seller (员工), `message/send`.
    WecomSeller,
    /// WeCom task a seller confirms, then the customer gets it, `externalcontact/add_msg_template` (群发).
    WecomGroupTask,
    /// Mini-program subscribe message (订阅消息): one grant, one send.
    MiniprogramSubscribe,
    /// Records and sends nothing: dry runs, replays. Needs no address.
    Recording,
}

impl ChannelKind {
    /// Every way.
    pub const ALL: [ChannelKind; 4] = [
        ChannelKind::WecomSeller,
        ChannelKind::WecomGroupTask,
        ChannelKind::MiniprogramSubscribe,
        ChannelKind::Recording,
    ];

    /// Its name, as it is stored and written.
    pub const fn word(self) -> &'static str {
        match self {
            ChannelKind::WecomSeller => "wecom_seller",
            ChannelKind::WecomGroupTask => "wecom_group_task",
            ChannelKind::MiniprogramSubscribe => "miniprogram_subscribe",
            ChannelKind::Recording => "recording",
        }
    }
}

/// Where a message goes. Each variant holds exactly what its channel needs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "via", rename_all = "snake_case")]
pub enum Address {
    /// A member of the corp.
    WecomSeller {
        /// Corp id (企业 ID).
        corp: String,
        /// The seller's userid inside the corp.
        member: Personal<String>,
    },
    /// A customer of the corp, reached through the seller who is their contact.
    WecomCustomer {
        /// Corp id.
        corp: String,
        /// The seller who will confirm the task.
        member: Personal<String>,
        /// The customer's external_userid in this corp.
        external_userid: Personal<String>,
    },
    /// A user of a mini-program.
    Miniprogram {
        /// App id of the mini-program.
        appid: String,
        /// The user's openid in this app.
        openid: Personal<String>,
    },
    /// Nobody: the recording channel.
    Nowhere,
}

/// Why a message was not sent although the journey asked for it. Final for this send.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressReason {
    /// The purpose has no grant for this channel, or was withdrawn.
    NoConsent,
    /// The customer has no address for this channel.
    NoAddress,
    /// A subscribe message without a grant left for this template.
    NoGrant,
    /// It would have been sent had the customer not counted as another for a while: too late now.
    Unmerged,
}

/// What is known about reaching this customer on one channel: found in the customer's state by the customer crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contact {
    /// Reachable.
    Reachable(Address),
    /// No address of the kind the channel needs.
    Unknown,
    /// A subscribe address, but no grant left.
    Exhausted,
}

/// The answer of [`permit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Send it, there.
    Send(Address),
    /// Do not, because.
    Suppress(SuppressReason),
}

/// Decides consent first, address second: a customer who said no is never looked up.
pub fn permit(
    consents: &ConsentLedger,
    purpose: Purpose,
    channel: ChannelKind,
    contact: impl FnOnce() -> Contact,
) -> Permit {
    if !consents.allows(purpose, channel) {
        return Permit::Suppress(SuppressReason::NoConsent);
    }
    match contact() {
        Contact::Reachable(address) => Permit::Send(address),
        Contact::Unknown => Permit::Suppress(SuppressReason::NoAddress),
        Contact::Exhausted => Permit::Suppress(SuppressReason::NoGrant),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_consent_hides_the_address() {
        let ledger = ConsentLedger::default();
        let channel = ChannelKind::Recording;
        let verdict = permit(&ledger, Purpose::Marketing, channel, || unreachable!("must not be asked"));
        assert_eq!(verdict, Permit::Suppress(SuppressReason::NoConsent));
        assert_eq!(
            permit(&ledger, Purpose::Service, channel, || Contact::Reachable(Address::Nowhere)),
            Permit::Send(Address::Nowhere)
        );
        assert_eq!(
            permit(&ledger, Purpose::Service, channel, || Contact::Unknown),
            Permit::Suppress(SuppressReason::NoAddress)
        );
    }

    #[test]
    fn a_channel_is_stored_under_its_own_name() {
        for channel in ChannelKind::ALL {
            assert_eq!(serde_json::to_value(channel).unwrap(), channel.word());
        }
    }
}
