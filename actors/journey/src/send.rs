//! What a `send` node asks for: by which channel, why, to whom, saying what. Nothing here is resolved or rendered
//! when the journey is read: address and values are the customer's, at the moment of the send.

use crate::fields::{Fields, as_text, below, complain, kind, line, name};
use crate::template;
use roadbook_audience::Problem;
use roadbook_audience::limits::NAME_CHARS_MAX;
use roadbook_tenancy::{ChannelKind, Purpose};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// Fields of a subscribe message: WeChat's own templates have five or fewer.
const DATA_FIELDS_MAX: usize = 20;
/// Characters of a corp id, app id or member id: WeCom allows a userid 64.
const ID_CHARS_MAX: usize = 64;
/// Characters of a template id; WeChat's have 43.
const TEMPLATE_ID_CHARS_MAX: usize = 128;

/// One intended message, unresolved and unrendered.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SendPlan {
    /// The node that asks for it: part of the send's business key.
    pub node: String,
    /// By which way.
    pub channel: ChannelKind,
    /// Why: decides which consent it needs.
    pub purpose: Purpose,
    /// To whom; the customer's own identifiers are looked up by whoever knows them.
    pub to: Recipient,
    /// What it says.
    pub content: Content,
}

/// To whom, as far as the journey says it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// A seller, as a member of the corp.
    WecomSeller {
        /// Corp id.
        corp: String,
        /// Which member.
        member: Member,
    },
    /// The customer, through a task the seller confirms.
    WecomGroupTask {
        /// Corp id.
        corp: String,
        /// The member whose contact the customer is.
        member: Member,
    },
    /// The customer, as a user of the mini-program.
    MiniprogramSubscribe {
        /// App id.
        appid: String,
    },
    /// Nobody: it is only recorded.
    Recording,
}

/// A member of a corp, named outright or by a trait of the customer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Member {
    /// This userid, for every customer.
    Literal(String),
    /// The userid that stands in this trait of the customer.
    Trait(String),
}

impl fmt::Debug for Member {
    /// A userid names a person: it is not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Member::Literal(_) => f.write_str("Literal(***)"),
            Member::Trait(key) => write!(f, "Trait({key:?})"),
        }
    }
}

/// What a message says, with placeholders.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// A text.
    Text {
        /// The text's template.
        text: String,
    },
    /// A template that lies at the provider, and what to put into its fields.
    Template {
        /// The provider's id of the template.
        template: String,
        /// A template text per field, such as `thing1`.
        data: BTreeMap<String, String>,
    },
}

impl SendPlan {
    /// The provider's template id; `None` for a text.
    pub fn template(&self) -> Option<&str> {
        match &self.content {
            Content::Text { .. } => None,
            Content::Template { template, .. } => Some(template),
        }
    }

    /// Renders the content over `data`, which holds what placeholders may name: `{"traits": {..}, "tags": {..}, "entry": {..}}`
    /// (`entry` = the properties of the entering event).
    ///
    /// Gives `{"text": ".."}` for a text and the provider's shape `{"thing1": {"value": ".."}, ..}` for a template.
    /// Missing and null values render as nothing. The error is a sentence without any of the data: the text came
    /// out blank or longer than 2048 bytes, or the template cannot work on these values.
    pub fn render(&self, data: &Value) -> Result<Value, String> {
        let data = minijinja::Value::from(minijinja::value::Serde(data));
        match &self.content {
            Content::Text { text } => {
                let text = template::fill(text, &data)?;
                if text.trim().is_empty() {
                    return Err("the text is blank for this customer".to_owned());
                }
                Ok(json!({ "text": text }))
            }
            Content::Template { data: fields, .. } => {
                let mut rendered = Map::new();
                let mut bytes = 0;
                for (field, source) in fields {
                    let value = template::fill(source, &data).map_err(|error| format!("field {field}: {error}"))?;
                    bytes += value.len();
                    rendered.insert(field.clone(), json!({ "value": value }));
                }
                if bytes > template::OUTPUT_BYTES_MAX {
                    return Err(format!("the fields together are longer than {} bytes", template::OUTPUT_BYTES_MAX));
                }
                Ok(Value::Object(rendered))
            }
        }
    }
}

/// Reads the fields of a `send` node except `type` and `next`.
pub(crate) fn read(node: &str, fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<SendPlan> {
    let channels = ChannelKind::ALL.map(|channel| (channel.word(), channel));
    let channel = fields.choice("channel", &channels, problems);
    let purposes = Purpose::OF_SENDS.map(|purpose| (purpose.word(), purpose));
    let purpose = fields.choice("purpose", &purposes, problems);
    let to = fields.optional("to");
    let content = fields.required("content", problems);
    let content = content.and_then(|value| read_content(value, &fields.at("content"), problems));
    let channel = channel?;
    let to = read_recipient(channel, to, fields, problems);
    let content = content?;
    let fits = match (channel, &content) {
        (ChannelKind::WecomSeller | ChannelKind::WecomGroupTask, Content::Text { .. })
        | (ChannelKind::MiniprogramSubscribe, Content::Template { .. })
        | (ChannelKind::Recording, _) => true,
        (ChannelKind::WecomSeller | ChannelKind::WecomGroupTask, Content::Template { .. })
        | (ChannelKind::MiniprogramSubscribe, Content::Text { .. }) => false,
    };
    if !fits {
        let detail = r#"WeCom channels take {"text": ..}, miniprogram_subscribe takes {"template": .., "data": ..}"#;
        complain(problems, &fields.at("content"), "wrong_content", detail);
        return None;
    }
    Some(SendPlan { node: node.to_owned(), channel, purpose: purpose?, to: to?, content })
}

fn read_recipient(
    channel: ChannelKind,
    value: Option<&Value>,
    fields: &Fields<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Recipient> {
    let at = fields.at("to");
    let Some(value) = value else {
        if channel == ChannelKind::Recording {
            return Some(Recipient::Recording);
        }
        complain(problems, fields.place(), "missing_field", "add the field `to`: this channel needs to know where to");
        return None;
    };
    let mut to = Fields::open(value, &at, problems)?;
    let recipient = match channel {
        ChannelKind::WecomSeller => {
            read_member(&mut to, problems).map(|(corp, member)| Recipient::WecomSeller { corp, member })
        }
        ChannelKind::WecomGroupTask => {
            read_member(&mut to, problems).map(|(corp, member)| Recipient::WecomGroupTask { corp, member })
        }
        ChannelKind::MiniprogramSubscribe => {
            let appid = to.text("appid", problems);
            appid
                .and_then(|id| line(id, ID_CHARS_MAX, &to.at("appid"), problems))
                .map(|appid| Recipient::MiniprogramSubscribe { appid })
        }
        ChannelKind::Recording => Some(Recipient::Recording),
    };
    to.close(problems);
    recipient
}

fn read_member(to: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<(String, Member)> {
    let corp = to.text("corp", problems).and_then(|id| line(id, ID_CHARS_MAX, &to.at("corp"), problems));
    let member = to.required("member", problems).and_then(|member| match member {
        Value::String(userid) => line(userid, ID_CHARS_MAX, &to.at("member"), problems).map(Member::Literal),
        Value::Object(_) => {
            let mut by_trait = Fields::open(member, &to.at("member"), problems)?;
            let key = by_trait.text("trait", problems);
            let key = key.and_then(|key| line(key, NAME_CHARS_MAX, &by_trait.at("trait"), problems));
            by_trait.close(problems);
            key.map(Member::Trait)
        }
        other => {
            let detail = format!(r#"put a userid or {{"trait": ".."}} here; this is {}"#, kind(other));
            complain(problems, &to.at("member"), "wrong_type", detail);
            None
        }
    });
    Some((corp?, member?))
}

fn read_content(value: &Value, at: &str, problems: &mut Vec<Problem>) -> Option<Content> {
    let mut fields = Fields::open(value, at, problems)?;
    let content = if fields.has("template") {
        read_template(&mut fields, problems)
    } else {
        let text = fields.text("text", problems);
        text.and_then(|text| source(text, &fields.at("text"), problems)).map(|text| Content::Text { text })
    };
    fields.close(problems);
    content
}

fn read_template(fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<Content> {
    let id = fields.text("template", problems);
    let id = id.and_then(|id| line(id, TEMPLATE_ID_CHARS_MAX, &fields.at("template"), problems));
    let value = fields.required("data", problems)?;
    let at = fields.at("data");
    let Value::Object(map) = value else {
        complain(problems, &at, "wrong_type", format!("put an object here; this is {}", kind(value)));
        return None;
    };
    if map.is_empty() || map.len() > DATA_FIELDS_MAX {
        let detail = format!("fill 1 to {DATA_FIELDS_MAX} fields of the template; this has {}", map.len());
        complain(problems, &at, "too_many", detail);
        return None;
    }
    let mut data = BTreeMap::new();
    for (key, value) in map {
        let at = below(&at, key);
        let field = name(key, &at, problems);
        let text = as_text(value, &at, problems).and_then(|text| source(text, &at, problems));
        if let (Some(field), Some(text)) = (field, text) {
            data.insert(field, text);
        }
    }
    (data.len() == map.len()).then_some(Content::Template { template: id?, data })
}

/// A template text that compiles and says something.
fn source(text: &str, at: &str, problems: &mut Vec<Problem>) -> Option<String> {
    if text.trim().is_empty() {
        complain(problems, at, "empty_text", "write what the message says");
        return None;
    }
    match template::check(text) {
        Ok(()) => Some(text.to_owned()),
        Err(detail) => {
            complain(problems, at, "bad_template", detail);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(content: Content) -> SendPlan {
        SendPlan {
            node: "n".into(),
            channel: ChannelKind::Recording,
            purpose: Purpose::Service,
            to: Recipient::WecomSeller { corp: "ww1".into(), member: Member::Literal("zhangsan".into()) },
            content,
        }
    }

    #[test]
    fn a_text_and_a_template_render_in_the_providers_shape() {
        let data = json!({"traits": {"name": "Test Person", "city": "上海"}, "entry": {"series": "R1"}});
        let text = plan(Content::Text { text: "{{ traits.name }}: {{ entry.series }}".into() });
        assert_eq!(text.render(&data).unwrap(), json!({"text": "Test Person: R1"}));
        assert_eq!(text.template(), None);

        let fields = BTreeMap::from([("thing1".into(), "{{ traits.city }}".into()), ("thing2".into(), "x".into())]);
        let template = plan(Content::Template { template: "TPL".into(), data: fields });
        assert_eq!(template.render(&data).unwrap(), json!({"thing1": {"value": "上海"}, "thing2": {"value": "x"}}));
        assert_eq!(template.template(), Some("TPL"));
    }

    #[test]
    fn a_blank_or_too_long_message_is_an_error_without_data() {
        let blank = plan(Content::Text { text: " {{ traits.name }}".into() });
        assert!(blank.render(&json!({})).unwrap_err().contains("blank"));
        let fields = (0..3).map(|i| (format!("thing{i}"), "{{ traits.bio }}".to_owned())).collect();
        let long = plan(Content::Template { template: "TPL".into(), data: fields });
        let error = long.render(&json!({"traits": {"bio": "planted".repeat(120)}})).unwrap_err();
        assert!(error.contains("2048") && !error.contains("planted"), "{error}");
    }

    #[test]
    fn a_plan_reads_back_and_hides_the_member() {
        let plan = plan(Content::Text { text: "hi".into() });
        assert!(!format!("{plan:?}").contains("zhangsan"));
        assert_eq!(serde_json::from_value::<SendPlan>(serde_json::to_value(&plan).unwrap()).unwrap(), plan);
    }
}
