//! `message/subscribe/send`: a subscription message; one grant of the user is one send.

use serde_json::{Map, Value, json};

use super::Request;
use crate::errcode::{self, Refused};
use crate::journal::Medium;
use crate::world::{Done, World};

/// Longest value in characters by the field type that the field's name begins with. Types not listed have formats
/// the simulator does not check.
const VALUE_CHARS_MAX: [(&str, usize); 7] = [
    ("character_string", 32),
    ("thing", 20),
    ("number", 32),
    ("letter", 32),
    ("symbol", 5),
    ("phrase", 5),
    ("name", 20),
];
const STATES: [&str; 3] = ["developer", "trial", "formal"];

pub(super) fn send(world: &mut World, request: &Request) -> Result<Done, Refused> {
    let openid = request.text("touser").map_err(|_| Refused::new(errcode::BAD_USER, "touser"))?;
    if !world.people.is_openid(openid) {
        return Err(Refused::new(errcode::BAD_USER, "touser"));
    }
    let template = request.text("template_id").map_err(|_| Refused::new(errcode::BAD_TEMPLATE, ""))?;
    if !world.people.is_template(template) {
        return Err(Refused::new(errcode::BAD_TEMPLATE, ""));
    }
    if let Some(state) = request.body.get("miniprogram_state")
        && !state.as_str().is_some_and(|state| STATES.contains(&state))
    {
        return Err(Refused::new(errcode::BAD_TEMPLATE_DATA, "miniprogram_state"));
    }
    let data = check_data(request.body.get("data"))?;
    if !world.people.use_grant(openid, template) {
        return Err(Refused::new(errcode::NO_GRANT, ""));
    }
    let msgid = world.next_msgid();
    let content = json!({ "template_id": template, "data": data, "page": request.body.get("page") });
    let now_ms = world.clock.now_ms();
    world.journal.deliver(now_ms, Medium::MiniProgram, openid, request.key.as_deref(), &msgid, &content);
    let fields = Map::from_iter([("msgid".into(), json!(msgid))]);
    Ok(Done { fields, msgid: Some(msgid), delivered: true, deduplicated: false })
}

fn check_data(data: Option<&Value>) -> Result<&Map<String, Value>, Refused> {
    let Some(fields) = data.and_then(Value::as_object).filter(|fields| !fields.is_empty()) else {
        return Err(Refused::new(errcode::BAD_TEMPLATE_DATA, "data is missing or empty"));
    };
    for (name, field) in fields {
        let bad = || Refused::new(errcode::BAD_TEMPLATE_DATA, format!("data.{name}.value invalid"));
        let value = field.get("value").and_then(Value::as_str).filter(|value| !value.is_empty()).ok_or_else(bad)?;
        let kind = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let limit = VALUE_CHARS_MAX.iter().find(|(known, _)| *known == kind);
        if limit.is_some_and(|(_, chars_max)| value.chars().count() > *chars_max) {
            return Err(bad());
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_checked_by_the_type_in_the_field_name() {
        let check = |data: Value| check_data(Some(&data)).map(|_| ()).map_err(|refused| refused.detail);
        assert_eq!(check(json!({ "thing1": { "value": "保养提醒" } })), Ok(()));
        let long = "一".repeat(21);
        assert_eq!(check(json!({ "thing1": { "value": long } })), Err("data.thing1.value invalid".into()));
        assert_eq!(check(json!({ "thing1": "bare" })), Err("data.thing1.value invalid".into()));
        assert_eq!(check(json!({})), Err("data is missing or empty".into()));
    }
}
