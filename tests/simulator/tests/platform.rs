//! The platform as a client sees it: over real HTTP, with a plain client.

use std::time::Duration;

use reqwest::Client;
use roadbook_simulator::{Config, CorpApp, Fault, FaultKind, Medium, PeopleChange, Refusal, Simulator, TaskError};
use serde_json::{Value, json};

const SEND: &str = "/cgi-bin/message/send";
const ADD: &str = "/cgi-bin/externalcontact/add_msg_template";
const RESULT: &str = "/cgi-bin/externalcontact/get_groupmsg_send_result";
const SUBSCRIBE: &str = "/cgi-bin/message/subscribe/send";

struct Caller {
    platform: Simulator,
    http: Client,
}

impl Caller {
    async fn new(config: Config) -> Self {
        Self { platform: Simulator::start(config).await.expect("binds a free port"), http: Client::new() }
    }

    async fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.platform.base_url());
        let answer = self.http.get(url).send().await.expect("answers");
        serde_json::from_str(&answer.text().await.expect("text")).expect("JSON")
    }

    async fn try_post(&self, path: &str, token: &str, body: &Value) -> reqwest::Result<Value> {
        let url = format!("{}{path}?access_token={token}", self.platform.base_url());
        let call = self.http.post(url).header("x-request-id", "key-1").body(body.to_string());
        call.send().await?.error_for_status()?.json().await
    }

    async fn post(&self, path: &str, token: &str, body: &Value) -> Value {
        self.try_post(path, token, body).await.expect("an answer")
    }

    async fn corp_token(&self) -> String {
        let answer = self.get("/cgi-bin/gettoken?corpid=ww-sim-corp&corpsecret=sim-corp-secret").await;
        answer["access_token"].as_str().expect("a token").to_owned()
    }

    async fn mini_token(&self) -> String {
        let body = json!({ "grant_type": "client_credential", "appid": "wx-sim-app", "secret": "sim-app-secret" });
        let answer = self.post("/cgi-bin/stable_token", "", &body).await;
        answer["access_token"].as_str().expect("a token").to_owned()
    }
}

fn text_to(touser: &str, text: &str) -> Value {
    json!({ "touser": touser, "agentid": 1_000_002, "msgtype": "text", "text": { "content": text },
            "enable_duplicate_check": 1, "duplicate_check_interval": 600 })
}

fn task_for(customers: &[&str]) -> Value {
    json!({ "chat_type": "single", "external_userid": customers, "sender": "seller-1", "text": { "content": "hello" } })
}

fn reminder(openid: &str) -> Value {
    json!({ "touser": openid, "template_id": "template-1", "data": { "thing1": { "value": "保养" } } })
}

fn code(answer: &Value) -> i64 {
    answer["errcode"].as_i64().expect("an errcode")
}

#[tokio::test]
async fn a_token_is_the_same_until_it_runs_out_and_then_another() {
    let caller = Caller::new(Config::default()).await;
    let first = caller.corp_token().await;
    assert_eq!(caller.corp_token().await, first);
    caller.platform.advance(Duration::from_secs(7201));
    assert_eq!(code(&caller.post(SEND, &first, &text_to("seller-1", "a")).await), 42001);
    let second = caller.corp_token().await;
    assert_ne!(second, first);
    assert_eq!(code(&caller.post(SEND, &second, &text_to("seller-1", "a")).await), 0);
    caller.platform.revoke_tokens();
    assert_eq!(code(&caller.post(SEND, &second, &text_to("seller-1", "a")).await), 40014);
    assert_eq!(code(&caller.post(SEND, "never-issued", &text_to("seller-1", "a")).await), 40014);
    assert_eq!(code(&caller.post(SEND, "", &text_to("seller-1", "a")).await), 41001);
    let mini = caller.mini_token().await;
    assert_eq!(code(&caller.post(SEND, &mini, &text_to("seller-1", "a")).await), 40014, "another family's token");
    assert!(caller.platform.calls_to("/cgi-bin/stable_token")[0].body.is_none(), "secrets stay out of the log");
}

#[tokio::test]
async fn wrong_credentials_are_told_apart() {
    let caller = Caller::new(Config::default()).await;
    assert_eq!(code(&caller.get("/cgi-bin/gettoken?corpid=nobody&corpsecret=x").await), 40013);
    assert_eq!(code(&caller.get("/cgi-bin/gettoken?corpid=ww-sim-corp&corpsecret=x").await), 40001);
    let body = json!({ "grant_type": "client_credential", "appid": "wx-sim-app", "secret": "x" });
    assert_eq!(code(&caller.post("/cgi-bin/stable_token", "", &body).await), 40125);
    let body = json!({ "grant_type": "client_credential", "appid": "nobody", "secret": "x" });
    assert_eq!(code(&caller.post("/cgi-bin/stable_token", "", &body).await), 40013);
}

#[tokio::test]
async fn a_repeated_message_is_answered_but_delivered_once_within_the_interval() {
    let caller = Caller::new(Config::default()).await;
    let token = caller.corp_token().await;
    let first = caller.post(SEND, &token, &text_to("seller-1|seller-2", "a")).await;
    let second = caller.post(SEND, &token, &text_to("seller-2|seller-1", "a")).await;
    assert_eq!((code(&second), &second["msgid"]), (0, &first["msgid"]));
    assert_eq!(caller.platform.deliveries().len(), 2, "one each");
    let flags: Vec<_> = caller.platform.calls_to(SEND).iter().map(|c| (c.delivered, c.deduplicated)).collect();
    assert_eq!(flags, [(true, false), (false, true)]);

    caller.post(SEND, &token, &text_to("seller-1", "another")).await;
    assert_eq!(caller.platform.deliveries().len(), 3);
    caller.platform.advance(Duration::from_secs(600));
    caller.post(SEND, &token, &text_to("seller-1|seller-2", "a")).await;
    assert_eq!(caller.platform.deliveries().len(), 5, "the interval is over");
    let mut unchecked = text_to("seller-1", "another");
    unchecked["enable_duplicate_check"] = json!(0);
    caller.post(SEND, &token, &unchecked).await;
    assert_eq!(caller.platform.deliveries().len(), 6, "no check asked for");
}

#[tokio::test]
async fn unknown_members_are_named_and_a_message_to_none_is_refused() {
    let caller = Caller::new(Config::default()).await;
    caller.platform.people(PeopleChange { unknown_members: vec!["gone".into()], ..PeopleChange::default() });
    let token = caller.corp_token().await;
    let answer = caller.post(SEND, &token, &text_to("seller-1|gone", "a")).await;
    assert_eq!((code(&answer), &answer["invaliduser"]), (0, &json!("gone")));
    assert_eq!(code(&caller.post(SEND, &token, &text_to("gone", "a")).await), 81013);
    assert_eq!(code(&caller.post(SEND, &token, &text_to("", "a")).await), 82001);
    assert_eq!(code(&caller.post(SEND, &token, &text_to("seller-1", "")).await), 44004);
    let who: Vec<_> = caller.platform.deliveries().into_iter().map(|d| (d.medium, d.who, d.key)).collect();
    assert_eq!(who, [(Medium::WecomMember, "seller-1".to_owned(), Some("key-1".to_owned()))]);
}

#[tokio::test]
async fn escaped_characters_and_broken_bodies_are_refused() {
    let caller = Caller::new(Config::default()).await;
    let token = caller.corp_token().await;
    let url = format!("{}{SEND}?access_token={token}", caller.platform.base_url());
    for (body, errcode) in [(r#"{"touser":"\u4f60"}"#, 40033), ("{", 47001), ("[]", 47001)] {
        let answer = caller.http.post(&url).body(body).send().await.expect("answers");
        assert_eq!(code(&answer.json().await.expect("JSON")), errcode, "{body}");
    }
}

#[tokio::test]
async fn a_group_message_reaches_nobody_until_its_task_is_confirmed() {
    let caller = Caller::new(Config::default()).await;
    caller.platform.people(PeopleChange { not_friends: vec!["wm-gone".into()], ..PeopleChange::default() });
    let token = caller.corp_token().await;
    let made = caller.post(ADD, &token, &task_for(&["wm-1", "wm-gone", "wm-2"])).await;
    assert_eq!((code(&made), &made["fail_list"]), (0, &json!(["wm-gone"])));
    let msgid = made["msgid"].as_str().expect("a msgid").to_owned();
    let ask = json!({ "msgid": msgid, "userid": "seller-1", "limit": 1 });
    let page = caller.post(RESULT, &token, &ask).await;
    assert_eq!(page["send_list"][0]["status"], 0);
    assert!(caller.platform.deliveries().is_empty());
    assert!(!caller.platform.calls_to(ADD)[0].delivered);

    caller.platform.people(PeopleChange { not_friends: vec!["wm-2".into()], ..PeopleChange::default() });
    assert_eq!(caller.platform.confirm(&msgid), Ok(()));
    assert_eq!(caller.platform.confirm(&msgid), Err(TaskError::Closed));
    let first = caller.post(RESULT, &token, &ask).await;
    let next = json!({ "msgid": msgid, "userid": "seller-1", "limit": 1, "cursor": first["next_cursor"] });
    let second = caller.post(RESULT, &token, &next).await;
    let seen = [&first, &second].map(|page| page["send_list"][0]["status"].as_i64());
    assert_eq!(seen, [Some(1), Some(2)]);
    assert_eq!(second["next_cursor"], "");
    let reached: Vec<_> = caller.platform.deliveries().into_iter().map(|d| d.who).collect();
    assert_eq!(reached, ["wm-1"]);
}

#[tokio::test]
async fn group_messages_to_the_wrong_people_are_refused() {
    let caller = Caller::new(Config::default()).await;
    caller.platform.people(PeopleChange { not_friends: vec!["wm-gone".into()], ..PeopleChange::default() });
    let token = caller.corp_token().await;
    for (customers, errcode) in [(&["wm-gone"][..], 84061), (&["stranger"][..], 40096), (&[][..], 41048)] {
        assert_eq!(code(&caller.post(ADD, &token, &task_for(customers)).await), errcode);
    }
    let ask = json!({ "msgid": "unknown", "userid": "seller-1" });
    assert_eq!(code(&caller.post(RESULT, &token, &ask).await), 41047);
}

#[tokio::test]
async fn a_task_is_refused_expired_or_confirmed_by_itself() {
    let config = Config { auto_confirm: Some(Duration::from_secs(60)), ..Config::default() };
    let caller = Caller::new(config).await;
    let token = caller.corp_token().await;
    let mut msgids = Vec::new();
    for _ in 0..3 {
        let made = caller.post(ADD, &token, &task_for(&["wm-1"])).await;
        msgids.push(made["msgid"].as_str().expect("a msgid").to_owned());
    }
    assert_eq!(caller.platform.refuse(&msgids[0], Refusal::OverLimit), Ok(()));
    assert_eq!(caller.platform.expire(&msgids[1]), Ok(()));
    caller.platform.advance(Duration::from_secs(60));
    let mut statuses = Vec::new();
    for msgid in &msgids {
        let page = caller.post(RESULT, &token, &json!({ "msgid": msgid, "userid": "seller-1" })).await;
        statuses.push(page["send_list"][0]["status"].as_i64());
    }
    assert_eq!(statuses, [Some(3), Some(0), Some(1)]);
    assert_eq!(caller.platform.deliveries().len(), 1);
}

#[tokio::test]
async fn a_grant_is_used_up_by_one_subscription_message() {
    let caller = Caller::new(Config::default()).await;
    let change = PeopleChange {
        unknown_openids: vec!["nobody".into()],
        unknown_templates: vec!["template-9".into()],
        ..PeopleChange::default()
    };
    caller.platform.people(change);
    let token = caller.mini_token().await;
    assert_eq!(code(&caller.post(SUBSCRIBE, &token, &reminder("openid-1")).await), 43101);
    caller.platform.grant("openid-1", "template-1", 1);
    let mut bad = reminder("openid-1");
    bad["data"] = json!({ "thing1": { "value": "" } });
    let answer = caller.post(SUBSCRIBE, &token, &bad).await;
    assert_eq!(code(&answer), 47003, "and the grant is still there");
    assert!(answer["errmsg"].as_str().is_some_and(|text| text.contains("data.thing1.value")));
    assert_eq!(code(&caller.post(SUBSCRIBE, &token, &reminder("openid-1")).await), 0);
    assert_eq!(code(&caller.post(SUBSCRIBE, &token, &reminder("openid-1")).await), 43101);
    assert_eq!(code(&caller.post(SUBSCRIBE, &token, &reminder("nobody")).await), 40003);
    let mut unknown = reminder("openid-1");
    unknown["template_id"] = json!("template-9");
    assert_eq!(code(&caller.post(SUBSCRIBE, &token, &unknown).await), 40037);
    assert_eq!(caller.platform.deliveries().len(), 1);
}

#[tokio::test]
async fn scripted_faults_differ_in_whether_the_work_was_done() {
    let caller = Caller::new(Config { hold: Duration::from_millis(50), ..Config::default() }).await;
    let token = caller.corp_token().await;
    caller.platform.fault(Fault::errcode(SEND, 45009, 1));
    assert_eq!(code(&caller.post(SEND, &token, &text_to("seller-1", "0")).await), 45009);
    let kinds = [
        (FaultKind::TimeoutBefore, false),
        (FaultKind::TimeoutAfterSend, true),
        (FaultKind::Close, false),
        (FaultKind::CloseAfterSend, true),
        (FaultKind::Http500, false),
    ];
    for (number, (kind, done)) in kinds.into_iter().enumerate() {
        let before = caller.platform.deliveries().len();
        caller.platform.fault(Fault::once(SEND, kind));
        let answer = caller.try_post(SEND, &token, &text_to("seller-1", &format!("{number}"))).await;
        let error = answer.expect_err("no JSON comes");
        assert_eq!(error.is_status(), kind == FaultKind::Http500, "{kind:?}: {error}");
        let call = caller.platform.calls_to(SEND).pop().expect("logged");
        assert_eq!((call.fault, call.delivered), (Some(kind), done));
        assert_eq!(caller.platform.deliveries().len() - before, usize::from(done), "{kind:?}");
    }
    assert_eq!(code(&caller.post(SEND, &token, &text_to("seller-1", "last")).await), 0, "faults are used up");
}

#[tokio::test]
async fn a_rate_limit_lasts_to_the_end_of_its_minute() {
    let caller = Caller::new(Config { calls_per_minute_max: Some(2), ..Config::default() }).await;
    let token = caller.corp_token().await;
    let mut codes = Vec::new();
    // Seven calls span at most one turn of the minute, and two windows hold four calls.
    for number in 0..7 {
        codes.push(code(&caller.post(SEND, &token, &text_to("seller-1", &number.to_string())).await));
    }
    let (passed, refused) = codes.iter().partition::<Vec<i64>, _>(|code| **code == 0);
    assert!((2..=4).contains(&passed.len()), "{codes:?}");
    assert!(refused.iter().all(|code| *code == 45009), "{codes:?}");
    caller.platform.advance(Duration::from_secs(60));
    assert_eq!(code(&caller.post(SEND, &token, &text_to("seller-1", "later")).await), 0);
}

#[tokio::test]
async fn another_process_scripts_and_reads_over_http() {
    let apps = vec![CorpApp { corpid: "ww-sim-corp".into(), secret: "sim-corp-secret".into(), agentid: 1_000_002 }];
    let caller = Caller::new(Config { corp_apps: apps, ..Config::default() }).await;
    let token = caller.corp_token().await;
    let fault = json!({ "path": SEND, "kind": "errcode", "errcode": -1, "times": 1 });
    let post = |path: &str, body: Value| {
        let call = caller.http.post(format!("{}{path}", caller.platform.base_url())).json(&body);
        async move { call.send().await.expect("answers").status().as_u16() }
    };
    assert_eq!(post("/_control/faults", fault).await, 200);
    assert_eq!(post("/_control/faults", json!({ "path": "/nowhere", "kind": "close" })).await, 400);
    assert_eq!(code(&caller.post(SEND, &token, &text_to("seller-1", "a")).await), -1);
    assert_eq!(post("/_control/people", json!({ "not_friends": ["wm-gone"] })).await, 200);
    let made = caller.post(ADD, &token, &task_for(&["wm-1", "wm-gone"])).await;
    let msgid = made["msgid"].as_str().expect("a msgid");
    assert_eq!(post(&format!("/_control/tasks/{msgid}/confirm"), json!({})).await, 200);
    assert_eq!(post(&format!("/_control/tasks/{msgid}/refuse?reason=over_limit"), json!({})).await, 409);
    assert_eq!(post("/_control/tasks/unknown/expire", json!({})).await, 404);
    let grant = json!({ "openid": "openid-1", "template_id": "template-1" });
    assert_eq!(post("/_control/grants", grant).await, 200);
    let mini = caller.mini_token().await;
    assert_eq!(code(&caller.post(SUBSCRIBE, &mini, &reminder("openid-1")).await), 0);

    let calls = caller.get(&format!("/_control/calls?path={SEND}&at_least=1&wait_ms=1000")).await;
    assert_eq!((calls[0]["errcode"].as_i64(), calls[0]["key"].as_str()), (Some(-1), Some("key-1")));
    let deliveries = caller.get("/_control/deliveries?at_least=2&wait_ms=1000").await;
    assert_eq!(deliveries[0]["medium"], "wecom_customer");
    assert_eq!(deliveries[1]["medium"], "mini_program");
    assert_eq!(post("/_control/tokens/expire", json!({})).await, 200);
    assert_eq!(code(&caller.post(SEND, &token, &text_to("seller-1", "a")).await), 42001);
    assert_eq!(post("/_control/clock", json!({ "advance_ms": 1000 })).await, 200);
    assert_eq!(post("/_control/reset", json!({})).await, 200);
    assert_eq!(caller.get("/_control/calls").await, json!([]));
}
