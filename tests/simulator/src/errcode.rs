//! The handful of platform error codes the simulator can give of its own accord.
//!
//! Numbers and meanings follow the platforms' public error pages; the wording is ours. The real `errmsg` carries a
//! hint with request details, so no client may compare it; ours carries a detail for the same reason.

/// A refusal by the platform: a number, and what in this request caused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) errcode: i64,
    pub(crate) detail: String,
}

impl Refused {
    pub(crate) fn new(errcode: i64, detail: impl Into<String>) -> Self {
        Self { errcode, detail: detail.into() }
    }

    /// What stands in `errmsg`.
    pub(crate) fn message(&self) -> String {
        let text = text(self.errcode);
        if self.detail.is_empty() { text.to_owned() } else { format!("{text}: {}", self.detail) }
    }
}

pub(crate) const SYSTEM_BUSY: i64 = -1;
pub(crate) const BAD_SECRET: i64 = 40001;
pub(crate) const BAD_GRANT_TYPE: i64 = 40002;
pub(crate) const BAD_USER: i64 = 40003;
pub(crate) const BAD_MSGTYPE: i64 = 40008;
pub(crate) const BAD_ACCOUNT: i64 = 40013;
pub(crate) const BAD_TOKEN: i64 = 40014;
pub(crate) const ESCAPED_CHARACTERS: i64 = 40033;
pub(crate) const BAD_TEMPLATE: i64 = 40037;
pub(crate) const BAD_AGENT: i64 = 40056;
pub(crate) const BAD_PARAMETER: i64 = 40058;
pub(crate) const BAD_EXTERNAL_USER: i64 = 40096;
pub(crate) const BAD_APP_SECRET: i64 = 40125;
pub(crate) const NO_TOKEN: i64 = 41001;
pub(crate) const BAD_GROUP_MESSAGE_ID: i64 = 41047;
pub(crate) const NOBODY_TO_SEND_TO: i64 = 41048;
pub(crate) const TOKEN_EXPIRED: i64 = 42001;
pub(crate) const NO_GRANT: i64 = 43101;
pub(crate) const EMPTY_TEXT: i64 = 44004;
pub(crate) const RATE_LIMIT: i64 = 45009;
pub(crate) const BAD_JSON: i64 = 47001;
pub(crate) const BAD_TEMPLATE_DATA: i64 = 47003;
pub(crate) const ALL_RECIPIENTS_INVALID: i64 = 81013;
pub(crate) const NO_RECIPIENT: i64 = 82001;
pub(crate) const NO_RELATION: i64 = 84061;

fn text(errcode: i64) -> &'static str {
    match errcode {
        SYSTEM_BUSY => "the platform is busy",
        BAD_SECRET => "this secret does not open this account",
        BAD_GRANT_TYPE => "grant_type must be client_credential",
        BAD_USER => "no such user",
        BAD_MSGTYPE => "this msgtype is not known",
        BAD_ACCOUNT => "no such corpid or appid",
        BAD_TOKEN => "this access_token was not issued for this interface, or was revoked",
        ESCAPED_CHARACTERS => "the body holds \\u escapes; send the characters themselves",
        BAD_TEMPLATE => "no such template",
        BAD_AGENT => "agentid is not the app of this token",
        BAD_PARAMETER => "a parameter is wrong",
        BAD_EXTERNAL_USER => "not an external_userid of this corporation",
        BAD_APP_SECRET => "this appsecret does not open this mini-program",
        NO_TOKEN => "access_token is missing from the query",
        BAD_GROUP_MESSAGE_ID => "no such group message",
        NOBODY_TO_SEND_TO => "nobody is left to send to",
        TOKEN_EXPIRED => "access_token has expired",
        NO_GRANT => "the user has granted no send of this template, or it is used up",
        EMPTY_TEXT => "text content is empty",
        RATE_LIMIT => "too many calls in this window",
        BAD_JSON => "the body is not the JSON object this interface reads",
        BAD_TEMPLATE_DATA => "template data is invalid",
        ALL_RECIPIENTS_INVALID => "none of the recipients exists or may be seen by the app",
        NO_RECIPIENT => "no recipient named",
        NO_RELATION => "the customer and the member are not contacts",
        _ => "scripted error",
    }
}
