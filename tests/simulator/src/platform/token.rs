//! `gettoken` (WeCom) and `stable_token` (mini-program).

use serde_json::{Map, Value, json};

use super::{Interface, Request};
use crate::errcode::{self, Refused};
use crate::journal::Call;
use crate::tokens::{Account, Family};
use crate::world::{Done, World};

pub(super) fn gettoken(world: &mut World, request: &Request, call: &mut Call) -> Result<Done, Refused> {
    let query = |name: &str| request.query.get(name).cloned().unwrap_or_default();
    let (corpid, secret) = (query("corpid"), query("corpsecret"));
    if !world.config.corp_apps.iter().any(|app| app.corpid == corpid) {
        return Err(Refused::new(errcode::BAD_ACCOUNT, "corpid"));
    }
    call.account = Some(corpid.clone());
    world.check_rate(&corpid, Interface::GetToken)?;
    // A corporation has one secret per app: the secret picks the app.
    let app = world.config.corp_apps.iter().find(|app| app.corpid == corpid && app.secret == secret);
    let agentid = app.ok_or_else(|| Refused::new(errcode::BAD_SECRET, ""))?.agentid;
    Ok(issue(world, Account { family: Family::Wecom, id: corpid, agentid }, false))
}

pub(super) fn stable_token(world: &mut World, request: &Request, call: &mut Call) -> Result<Done, Refused> {
    if request.text("grant_type")? != "client_credential" {
        return Err(Refused::new(errcode::BAD_GRANT_TYPE, ""));
    }
    let (appid, secret) = (request.text("appid")?, request.text("secret")?);
    let Some(app) = world.config.mini_programs.iter().find(|app| app.appid == appid).cloned() else {
        return Err(Refused::new(errcode::BAD_ACCOUNT, "appid"));
    };
    call.account = Some(app.appid.clone());
    world.check_rate(&app.appid, Interface::StableToken)?;
    if app.secret != secret {
        return Err(Refused::new(errcode::BAD_APP_SECRET, ""));
    }
    let fresh = request.body.get("force_refresh").and_then(Value::as_bool).unwrap_or(false);
    Ok(issue(world, Account { family: Family::MiniProgram, id: app.appid, agentid: 0 }, fresh))
}

fn issue(world: &mut World, account: Account, fresh: bool) -> Done {
    let (token, left_ms) = world.issue_token(account, fresh);
    let mut fields = Map::new();
    fields.insert("access_token".into(), json!(token));
    fields.insert("expires_in".into(), json!(left_ms / 1000));
    Done { fields, ..Done::default() }
}
