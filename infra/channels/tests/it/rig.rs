//! One tenant, one platform, its channels: what every test here starts from.

use std::sync::Arc;
use std::time::Duration;

use roadbook_channels::{Accounts, Channels, CorpAccount, MiniProgramAccount, Secret, Settings};
use roadbook_kernel::{Moment, Personal, SendKey, TenantId};
use roadbook_runtime::ports::{Channel, Outbound, SendAnswer};
use roadbook_simulator::{Config, Simulator};
use roadbook_tenancy::{Address, ChannelKind, Purpose};
use serde_json::{Value, json};

pub(crate) const GET_TOKEN: &str = "/cgi-bin/gettoken";
pub(crate) const STABLE_TOKEN: &str = "/cgi-bin/stable_token";
pub(crate) const SEND: &str = "/cgi-bin/message/send";
pub(crate) const ADD: &str = "/cgi-bin/externalcontact/add_msg_template";
pub(crate) const RESULT: &str = "/cgi-bin/externalcontact/get_groupmsg_send_result";
pub(crate) const SUBSCRIBE: &str = "/cgi-bin/message/subscribe/send";

pub(crate) const TENANT: TenantId = TenantId::from_u128(7);
pub(crate) const NOW: Moment = Moment::from_millis(1_700_000_000_000);

pub(crate) struct Rig {
    pub(crate) platform: Simulator,
    pub(crate) channels: Channels,
    pub(crate) accounts: Arc<Accounts>,
}

/// Production settings but for the addresses and the pauses.
pub(crate) fn settings(base: &str) -> Settings {
    Settings {
        wecom_base: base.to_owned(),
        wechat_base: base.to_owned(),
        answer_timeout: Duration::from_secs(5),
        pause_base: Duration::from_millis(1),
        ..Settings::default()
    }
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with(Config { hold: Duration::from_millis(20), ..Config::default() }).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let platform = Simulator::start(config).await.expect("binds a free port");
        let accounts = Arc::new(Accounts::default());
        accounts.set_corp(TENANT, corp_account("sim-corp-secret"));
        let secret = Secret::new("sim-app-secret");
        accounts.set_mini_program(TENANT, MiniProgramAccount { appid: "wx-sim-app".to_owned(), secret });
        let channels = Channels::new(settings(&platform.base_url()), Arc::clone(&accounts)).expect("valid settings");
        Self { platform, channels, accounts }
    }

    /// A first try.
    pub(crate) async fn send(&self, outbound: &Outbound) -> SendAnswer {
        self.channels.send(outbound, 1, false, NOW).await
    }

    pub(crate) fn calls(&self, path: &str) -> usize {
        self.platform.calls_to(path).len()
    }
}

pub(crate) fn corp_account(secret: &str) -> CorpAccount {
    CorpAccount { corp: "ww-sim-corp".to_owned(), agentid: 1_000_002, secret: Secret::new(secret) }
}

fn outbound(key: u128, channel: ChannelKind, to: Address, content: Value) -> Outbound {
    let key = SendKey::from_u128(key);
    let (purpose, template, content) = (Purpose::Service, String::new(), Personal::new(content));
    Outbound { tenant: TENANT, key, purpose, channel, to, template, content }
}

pub(crate) fn to_seller(key: u128, text: &str) -> Outbound {
    let to = Address::WecomSeller { corp: "ww-sim-corp".into(), member: Personal::new("seller-1".into()) };
    outbound(key, ChannelKind::WecomSeller, to, json!({ "text": text }))
}

pub(crate) fn to_customer(key: u128) -> Outbound {
    let to = Address::WecomCustomer {
        corp: "ww-sim-corp".into(),
        member: Personal::new("seller-1".into()),
        external_userid: Personal::new("wm-customer-1".into()),
    };
    outbound(key, ChannelKind::WecomGroupTask, to, json!({ "text": "Time for a service" }))
}

pub(crate) fn to_user(key: u128) -> Outbound {
    let to = Address::Miniprogram { appid: "wx-sim-app".into(), openid: Personal::new("openid-1".into()) };
    let data = json!({ "thing1": { "value": "保养提醒" } });
    let mut outbound = outbound(key, ChannelKind::MiniprogramSubscribe, to, data);
    outbound.template = "template-1".to_owned();
    outbound
}

/// The reason of an answer that has one.
pub(crate) fn reason(answer: &SendAnswer) -> &str {
    match answer {
        SendAnswer::Sent { .. } | SendAnswer::HandedOver { .. } => "",
        SendAnswer::Failed { reason, .. } | SendAnswer::RetryAfter { reason, .. } | SendAnswer::Unknown { reason } => {
            reason
        }
    }
}

pub(crate) fn is_sent(answer: &SendAnswer) -> bool {
    matches!(answer, SendAnswer::Sent { .. })
}
