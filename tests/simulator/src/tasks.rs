//! Group message tasks (企业群发): `add_msg_template` sends nothing; a member confirms, refuses or forgets the task.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why a customer did not get a confirmed group message; the number is the platform's `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Status 2: no longer a contact.
    NotFriend,
    /// Status 3: the customer has had as many group messages as allowed in this period.
    OverLimit,
}

impl Refusal {
    fn status(self) -> u8 {
        match self {
            Self::NotFriend => 2,
            Self::OverLimit => 3,
        }
    }
}

/// Why a task could not be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskError {
    /// No task has this msgid.
    Unknown,
    /// It was confirmed, refused or expired before.
    Closed,
}

impl fmt::Display for TaskError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Unknown => "no group message task has this msgid; take it from the answer of add_msg_template",
            Self::Closed => "this task was confirmed, refused or expired before",
        })
    }
}

impl std::error::Error for TaskError {}

/// One customer of a task.
#[derive(Debug, Clone)]
pub(crate) struct Recipient {
    pub(crate) external_userid: String,
    /// 0 unsent, 1 sent, 2 not a contact, 3 over the limit.
    pub(crate) status: u8,
    /// Seconds since the epoch; 0 while unsent.
    pub(crate) send_time_s: u64,
}

/// One group message task.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) account: String,
    pub(crate) sender: String,
    pub(crate) created_at_ms: u64,
    pub(crate) key: Option<String>,
    pub(crate) content: Value,
    pub(crate) recipients: Vec<Recipient>,
    /// The member can still act on it.
    pub(crate) open: bool,
}

/// All tasks by msgid.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    by_msgid: BTreeMap<String, Task>,
}

impl Tasks {
    pub(crate) fn add(&mut self, msgid: &str, task: Task) {
        self.by_msgid.insert(msgid.to_owned(), task);
    }

    pub(crate) fn get(&self, msgid: &str) -> Option<&Task> {
        self.by_msgid.get(msgid)
    }

    /// The msgids of tasks that are open and were made at or before this instant.
    pub(crate) fn open_since(&self, created_at_ms: u64) -> Vec<String> {
        let due = |task: &Task| task.open && task.created_at_ms <= created_at_ms;
        self.by_msgid.iter().filter(|(_, task)| due(task)).map(|(msgid, _)| msgid.clone()).collect()
    }

    /// The member confirms: contacts get the message (their ids are returned with the task), others get status 2.
    pub(crate) fn confirm(
        &mut self,
        msgid: &str,
        now_ms: u64,
        is_friend: impl Fn(&str) -> bool,
    ) -> Result<(Task, Vec<String>), TaskError> {
        let task = self.open(msgid)?;
        let mut reached = Vec::new();
        for recipient in &mut task.recipients {
            recipient.send_time_s = now_ms / 1000;
            if is_friend(&recipient.external_userid) {
                recipient.status = 1;
                reached.push(recipient.external_userid.clone());
            } else {
                recipient.status = Refusal::NotFriend.status();
            }
        }
        task.open = false;
        Ok((task.clone(), reached))
    }

    /// The member confirms, but nobody is reached, for this reason.
    pub(crate) fn refuse(&mut self, msgid: &str, refusal: Refusal) -> Result<(), TaskError> {
        let task = self.open(msgid)?;
        task.recipients.iter_mut().for_each(|recipient| recipient.status = refusal.status());
        task.open = false;
        Ok(())
    }

    /// The task runs out unconfirmed. The real platform shows no sign of it: everybody stays "unsent" for good.
    pub(crate) fn expire(&mut self, msgid: &str) -> Result<(), TaskError> {
        self.open(msgid)?.open = false;
        Ok(())
    }

    fn open(&mut self, msgid: &str) -> Result<&mut Task, TaskError> {
        let task = self.by_msgid.get_mut(msgid).ok_or(TaskError::Unknown)?;
        if task.open { Ok(task) } else { Err(TaskError::Closed) }
    }
}
