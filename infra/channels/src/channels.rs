//! The product's implementation of the `Channel` port: picks the provider by the kind of the send.

use std::sync::Arc;

use async_trait::async_trait;
use roadbook_kernel::Moment;
use roadbook_runtime::ports::{Channel, Outbound, PollAnswer, SendAnswer};
use roadbook_tenancy::{Address, ChannelKind};

use crate::accounts::Accounts;
use crate::answer::failed;
use crate::gateway::Gateway;
use crate::miniprogram;
use crate::recording::Recording;
use crate::settings::{Settings, SettingsError};
use crate::wecom::{self, Pair};

/// All provider families behind one port.
#[derive(Debug)]
pub struct Channels {
    gateway: Gateway,
    recording: Recording,
}

impl Channels {
    /// Channels that speak to the platforms of `settings` with the credentials of `accounts`.
    ///
    /// # Errors
    /// A base URL is not one or would send tokens in the clear; the HTTP client cannot start.
    pub fn new(settings: Settings, accounts: Arc<Accounts>) -> Result<Self, SettingsError> {
        Ok(Self { gateway: Gateway::new(settings, accounts)?, recording: Recording::default() })
    }

    /// What went through the recording channel.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }
}

#[async_trait]
impl Channel for Channels {
    async fn send(&self, outbound: &Outbound, attempt: u32, maybe_sent: bool, now: Moment) -> SendAnswer {
        let gateway = &self.gateway;
        let tried = (attempt, maybe_sent);
        match (outbound.channel, &outbound.to) {
            (ChannelKind::WecomSeller, Address::WecomSeller { corp, member }) => {
                wecom::send(gateway, outbound, (corp, member.reveal()), tried, now).await
            }
            (ChannelKind::WecomGroupTask, Address::WecomCustomer { corp, member, external_userid }) => {
                let pair = Pair { corp, member: member.reveal(), customer: external_userid.reveal() };
                wecom::create(gateway, outbound, &pair, tried, now).await
            }
            (ChannelKind::MiniprogramSubscribe, Address::Miniprogram { appid, openid }) => {
                miniprogram::send(gateway, outbound, (appid, openid.reveal()), tried, now).await
            }
            (ChannelKind::Recording, _) => self.recording.record(outbound, now),
            (ChannelKind::WecomSeller | ChannelKind::WecomGroupTask | ChannelKind::MiniprogramSubscribe, _) => {
                failed("address_of_another_channel", 0)
            }
        }
    }

    async fn poll(&self, outbound: &Outbound, task: &str, created: Moment, now: Moment) -> PollAnswer {
        match (outbound.channel, &outbound.to) {
            (ChannelKind::WecomGroupTask, Address::WecomCustomer { corp, member, external_userid }) => {
                let pair = Pair { corp, member: member.reveal(), customer: external_userid.reveal() };
                wecom::poll(&self.gateway, outbound, &pair, task, (created, now)).await
            }
            // Only group tasks are ever handed over; there is nothing that could still be confirmed.
            (
                ChannelKind::WecomSeller
                | ChannelKind::WecomGroupTask
                | ChannelKind::MiniprogramSubscribe
                | ChannelKind::Recording,
                _,
            ) => PollAnswer::Expired,
        }
    }
}
