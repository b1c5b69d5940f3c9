//! Standing still and going on: what a move, a repair or a restored backup needs. The doors are closed first, what was
//! accepted is decided, then the rest stops. The relay runs on: it carries what turns have intended.

use crate::moving::is_half_full;
use crate::stack::{Stack, is};
use anyhow::{Context, Result, bail};
use roadbook_aws::Function;
use roadbook_kernel::Moment;
use roadbook_runtime::SystemClock;
use roadbook_runtime::ports::Clock;
use std::time::Duration;

/// The tag that keeps what a function's limit was before it was stopped.
const FORMER: &str = "roadbook-reserved-before-stop";
/// The variable that names the queue of what was accepted.
const INBOX: &str = "ROADBOOK_INBOX_URL";
/// Roles that accept from outside.
const DOORS: [&str; 2] = ["api", "callback"];
/// Looks in a row that must find the inbox empty: SQS counts about, and a message that was just sent may be missing.
const EMPTY_LOOKS: u32 = 5;
/// Between two looks at a queue.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// For how long a function may believe a master key that was replaced.
const KEY_BELIEVED_MS: i64 = 5 * 60 * 1_000;

/// Stops a stack: no function but the relay is called any more. `patience` is how long what was accepted may take to be
/// decided.
///
/// # Errors
/// AWS says no, or the queue does not become empty: then the doors are closed and the rest still runs.
pub async fn stop(name: &str, patience: Duration) -> Result<()> {
    let stack = Stack::find(name).await?;
    let (doors, others): (Vec<&Function>, Vec<&Function>) =
        stack.workers().partition(|function| DOORS.iter().any(|door| is(function, door)));
    for function in doors {
        hold(&stack, function).await?;
    }
    wait_for_inbox(&stack, patience).await?;
    for function in others {
        hold(&stack, function).await?;
    }
    println!("{name} stands still; what was accepted is decided. Go on: roadbook-ops start --stack {name}");
    Ok(())
}

async fn hold(stack: &Stack, function: &Function) -> Result<()> {
    let functions = stack.functions();
    // A queue that goes on bringing what nobody may take would send it to the dead letters.
    functions.feed(&function.name, false).await?;
    match functions.reserved(&function.name).await? {
        Some(0) => println!("  {:<40} stands still already", function.name),
        former => {
            if let Some(former) = former {
                functions.note(function, FORMER, Some(&former.to_string())).await?;
            }
            functions.reserve(&function.name, Some(0)).await?;
            println!("  {:<40} is called no more", function.name);
        }
    }
    Ok(())
}

/// What was accepted and not yet decided is nowhere but in the queue. How many messages that are; none where a stack has no
/// such queue.
///
/// # Errors
/// AWS says no.
pub async fn undecided(stack: &Stack) -> Result<u64> {
    let url = stack.members.iter().find_map(|function| function.environment.get(INBOX));
    let Some(url) = url else { return Ok(0) };
    let depth = stack.queues().depth(url).await?;
    Ok(depth.visible + depth.in_flight + depth.delayed)
}

async fn wait_for_inbox(stack: &Stack, patience: Duration) -> Result<()> {
    if !stack.members.iter().any(|function| function.environment.contains_key(INBOX)) {
        return Ok(());
    }
    let (until, mut empty) = (tokio::time::Instant::now() + patience, 0);
    loop {
        let left = undecided(stack).await?;
        empty = if left == 0 { empty + 1 } else { 0 };
        if empty == EMPTY_LOOKS {
            return Ok(());
        }
        if tokio::time::Instant::now() >= until {
            bail!(
                "{left} messages wait in the inbox after {} s. The doors are closed and the rest runs: ask again, or look why \
                 the function behind it does not get on",
                patience.as_secs()
            );
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Lets a stack go on as it was.
///
/// # Errors
/// It holds a half import, its master key was replaced a moment ago, or AWS says no.
pub async fn start(name: &str) -> Result<()> {
    let stack = Stack::find(name).await?;
    if is_half_full(&stack.dynamo()?).await? {
        bail!("an import into {name} has not come to its end; run it again, it goes on");
    }
    stack.master().await?;
    must_be_believed(&stack).await?;
    let functions = stack.functions();
    for function in stack.workers() {
        if functions.reserved(&function.name).await? != Some(0) {
            println!("  {:<40} runs already", function.name);
            functions.feed(&function.name, true).await?;
            continue;
        }
        let former = functions.noted(function, FORMER).await?;
        let calls = former.as_deref().map(str::parse).transpose();
        let calls = calls.with_context(|| format!("the tag {FORMER} of {} is no number", function.name))?;
        functions.reserve(&function.name, calls).await?;
        if former.is_some() {
            functions.note(function, FORMER, None).await?;
        }
        functions.feed(&function.name, true).await?;
        println!("  {:<40} is called again", function.name);
    }
    println!("{name} is served.");
    Ok(())
}

/// Refuses while a process that was awake before the stop may still hash under a master key that was replaced.
async fn must_be_believed(stack: &Stack) -> Result<()> {
    let (vault, id) = (stack.vault(), stack.told("ROADBOOK_MASTER_KEY_ARN")?);
    if !vault.was_replaced(id).await? {
        return Ok(());
    }
    let since = vault.read(id).await?.and_then(|held| held.since);
    if let Some(seconds) = since.and_then(|since| still_believed(since, SystemClock.now())) {
        bail!(
            "the master key of {} was replaced less than five minutes ago, and a process that is awake may still believe \
             the former one. Ask again in {seconds} s.",
            stack.name
        );
    }
    Ok(())
}

/// Seconds for which a process may still believe what was there before.
fn still_believed(since: Moment, now: Moment) -> Option<i64> {
    let left = KEY_BELIEVED_MS - now.since_ms(since);
    (left > 0).then_some(left / 1_000 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_just_put_is_waited_for() {
        let now = Moment::from_millis(1_740_787_200_000);
        assert_eq!(still_believed(now, now), Some(301));
        assert_eq!(still_believed(now.minus_ms(299_500), now), Some(1));
        assert_eq!(still_believed(now.minus_ms(300_000), now), None);
    }
}
