//! The state of the platform and the one way a call passes through it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::clock::{Clock, millis};
use crate::config::Config;
use crate::errcode::{self, Refused};
use crate::fault::{Fault, FaultKind, Faults};
use crate::journal::{Call, Journal, Medium};
use crate::limits::RateLimits;
use crate::people::People;
use crate::platform::{self, Interface, Request};
use crate::tasks::{Refusal, TaskError, Tasks};
use crate::tokens::{Account, Presented, Tokens};

/// Everything the platform remembers. One lock guards it: calls are taken up one after another.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) tokens: Tokens,
    pub(crate) people: People,
    pub(crate) tasks: Tasks,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
    /// Fingerprint of a sent app message -> when it was delivered, and its msgid.
    pub(crate) sent: BTreeMap<String, (u64, String)>,
    limits: RateLimits,
    last_msgid: u64,
}

/// What an interface has done with a call it accepts.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// Fields of the answer besides errcode and errmsg.
    pub(crate) fields: Map<String, Value>,
    pub(crate) msgid: Option<String>,
    pub(crate) delivered: bool,
    pub(crate) deduplicated: bool,
}

/// How the connection goes on after a call.
#[derive(Debug)]
pub(crate) enum Ending {
    Answer(Value),
    GatewayError,
    Close,
    HoldThenClose,
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            clock: Clock::default(),
            tokens: Tokens::default(),
            people: People::default(),
            tasks: Tasks::default(),
            faults: Faults::default(),
            journal: Journal::default(),
            sent: BTreeMap::new(),
            limits: RateLimits::default(),
            last_msgid: 0,
        }
    }

    /// Forgets everything that happened; keeps accounts, tokens and the clock, so that clients need not start anew.
    pub(crate) fn reset(&mut self) {
        self.people = People::default();
        self.tasks = Tasks::default();
        self.faults.clear();
        self.journal = Journal::default();
        self.sent.clear();
        self.limits.clear();
    }

    /// Takes up one call: scripted fault, then the interface, then the journal.
    pub(crate) fn take(&mut self, interface: Interface, request: &Request) -> Ending {
        self.settle();
        let now_ms = self.clock.now_ms();
        let fault = self.faults.take(interface.path());
        let mut call = Call {
            seq: self.journal.next_call(),
            at_ms: now_ms,
            path: interface.path().to_owned(),
            account: None,
            who: platform::recipients(interface, &request.body),
            key: request.key.clone(),
            errcode: None,
            answered: false,
            fault: fault.as_ref().map(|fault| fault.kind),
            delivered: false,
            deduplicated: false,
            msgid: None,
            body: if interface.carries_secrets() { None } else { Some(request.body.clone()) },
        };
        let answer = self.work(interface, request, fault.as_ref(), &mut call);
        let ending = match fault.as_ref().map(|fault| fault.kind) {
            None | Some(FaultKind::Errcode) => Ending::Answer(answer),
            Some(FaultKind::Http500) => Ending::GatewayError,
            Some(FaultKind::Close | FaultKind::CloseAfterSend) => Ending::Close,
            Some(FaultKind::TimeoutAfterSend | FaultKind::TimeoutBefore) => Ending::HoldThenClose,
        };
        call.answered = matches!(ending, Ending::Answer(_) | Ending::GatewayError);
        self.journal.calls.push(call);
        ending
    }

    fn work(&mut self, interface: Interface, request: &Request, fault: Option<&Fault>, call: &mut Call) -> Value {
        let result = match fault {
            Some(fault) if fault.kind == FaultKind::Errcode => {
                Err(Refused::new(fault.errcode.unwrap_or(errcode::SYSTEM_BUSY), "scripted"))
            }
            Some(fault) if !fault.kind.work_is_done() => return Value::Null,
            Some(_) | None => self.open(interface, request, call),
        };
        match result {
            Ok(done) => {
                call.errcode = Some(0);
                call.msgid = done.msgid;
                call.delivered = done.delivered;
                call.deduplicated = done.deduplicated;
                let mut answer = Map::from_iter([("errcode".into(), json!(0)), ("errmsg".into(), json!("ok"))]);
                answer.extend(done.fields);
                Value::Object(answer)
            }
            Err(refused) => {
                call.errcode = Some(refused.errcode);
                json!({ "errcode": refused.errcode, "errmsg": refused.message() })
            }
        }
    }

    /// Checks token, rate and body, then calls the interface.
    fn open(&mut self, interface: Interface, request: &Request, call: &mut Call) -> Result<Done, Refused> {
        if let Some(refused) = &request.unreadable {
            return Err(refused.clone());
        }
        let Some(family) = interface.family() else { return platform::token_call(interface, self, request, call) };
        let token = request.query.get("access_token").map_or("", String::as_str);
        if token.is_empty() {
            return Err(Refused::new(errcode::NO_TOKEN, ""));
        }
        let account = match self.tokens.present(token, self.clock.now_ms()) {
            Presented::Valid(account) if account.family == family => account.clone(),
            Presented::Valid(_) | Presented::Unknown => return Err(Refused::new(errcode::BAD_TOKEN, "")),
            Presented::Expired(account) => {
                call.account = Some(account.id.clone());
                return Err(Refused::new(errcode::TOKEN_EXPIRED, ""));
            }
        };
        call.account = Some(account.id.clone());
        self.check_rate(&account.id, interface)?;
        platform::call(interface, self, &account, request)
    }

    pub(crate) fn check_rate(&mut self, account: &str, interface: Interface) -> Result<(), Refused> {
        let max = self.config.calls_per_minute_max;
        if self.limits.allow(account, interface.path(), max, self.clock.now_ms()) {
            Ok(())
        } else {
            Err(Refused::new(errcode::RATE_LIMIT, "until the end of the minute"))
        }
    }

    pub(crate) fn issue_token(&mut self, account: Account, fresh: bool) -> (String, u64) {
        let life_ms = millis(self.config.token_life);
        self.tokens.issue(account, fresh, self.clock.now_ms(), life_ms)
    }

    pub(crate) fn next_msgid(&mut self) -> String {
        self.last_msgid += 1;
        format!("sim-msg-{:06}", self.last_msgid)
    }

    /// Confirms what the sellers would have confirmed by now.
    pub(crate) fn settle(&mut self) {
        let Some(wait) = self.config.auto_confirm else { return };
        let due = self.clock.now_ms().saturating_sub(millis(wait));
        for msgid in self.tasks.open_since(due) {
            // It was open a moment ago under the same lock, so this cannot be refused.
            let _ = self.confirm(&msgid);
        }
    }

    pub(crate) fn confirm(&mut self, msgid: &str) -> Result<(), TaskError> {
        let now_ms = self.clock.now_ms();
        let people = &self.people;
        let (task, reached) = self.tasks.confirm(msgid, now_ms, |who| people.is_friend(who))?;
        for who in reached {
            let key = task.key.as_deref();
            self.journal.deliver(now_ms, Medium::WecomCustomer, &who, key, msgid, &task.content);
        }
        Ok(())
    }

    pub(crate) fn refuse(&mut self, msgid: &str, refusal: Refusal) -> Result<(), TaskError> {
        self.tasks.refuse(msgid, refusal)
    }
}
