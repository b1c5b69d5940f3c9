//! A stack's functions and secrets.

use crate::emulator::{Emulator, MASTER, ROLES, Stack};
use crate::life::write_private;
use roadbook_app::write_master;
use roadbook_kernel::TenantId;
use roadbook_runtime::ports::{Commit, Expect, Item, ItemKey, Put, Store};

#[tokio::test]
async fn a_stack_stands_still_and_goes_on_as_it_was() {
    let Some(emulator) = Emulator::find("a_stack_stands_still_and_goes_on_as_it_was") else { return };
    let stack = emulator.stack().await;
    let limit = stack.lambda.put_function_concurrency().function_name(stack.function("sweep"));
    limit.reserved_concurrent_executions(3).send().await.expect("a limit");
    let work = fed(&stack, "sweep").await;
    for _ in 0..2 {
        stack.run(&["stop"]).with(0);
        assert!(state(&stack, &work).await.starts_with("Disabl"));
        for role in ROLES {
            let calls = if role == "relay" { None } else { Some(0) };
            assert_eq!(stack.reserved(role).await, calls, "{role}");
        }
    }
    for _ in 0..2 {
        stack.run(&["start"]).with(0);
        assert!(state(&stack, &work).await.starts_with("Enabl"));
        for role in ROLES {
            assert_eq!(stack.reserved(role).await, if role == "sweep" { Some(3) } else { None }, "{role}");
        }
    }
}

/// Lets a queue bring a function its work; the id of that.
async fn fed(stack: &Stack, role: &str) -> String {
    let create = stack.queues.create_queue().queue_name(format!("{}-work", stack.name));
    let url = create.send().await.expect("a queue").queue_url.expect("its address");
    let arn = aws_sdk_sqs::types::QueueAttributeName::QueueArn;
    let told = stack.queues.get_queue_attributes().queue_url(url).attribute_names(arn.clone()).send().await;
    let arn = told.expect("attributes").attributes.expect("attributes")[&arn].clone();
    let create = stack.lambda.create_event_source_mapping().event_source_arn(arn);
    let create = create.function_name(format!("{}:live", stack.function(role)));
    create.send().await.expect("a mapping").uuid.expect("its id")
}

async fn state(stack: &Stack, source: &str) -> String {
    let told = stack.lambda.get_event_source_mapping().uuid(source).send().await;
    told.expect("a mapping").state.expect("a state")
}

#[tokio::test]
async fn every_function_goes_back_or_none() {
    let Some(emulator) = Emulator::find("every_function_goes_back_or_none") else { return };
    let stack = emulator.stack().await;
    for role in ["api", "relay", "sweep"] {
        stack.deploy(role).await;
    }
    assert_eq!(stack.live("api").await, "2");
    stack.run(&["rollback"]).refused("is the oldest there is");
    assert_eq!(stack.live("api").await, "2", "admin has no former version, so nothing moves");
    stack.deploy("admin").await;
    let shown = stack.run(&["rollback", "--dry-run"]).with(0);
    assert!(shown.out.contains("version 2 to 1") && shown.out.contains("dry run"), "{}", shown.out);
    assert_eq!(stack.live("relay").await, "2");
    stack.run(&["rollback"]).with(0);
    for role in ROLES {
        assert_eq!(stack.live(role).await, "1", "{role}");
    }
    stack.run(&["rollback", "--to", "7"]).refused("it has no version 7");
    stack.run(&["rollback", "--to", "1", "--to", "api=2"]).with(0);
    assert_eq!((stack.live("api").await.as_str(), stack.live("sweep").await.as_str()), ("2", "1"));
}

#[tokio::test]
async fn secrets_are_checked_put_and_never_shown() {
    let Some(emulator) = Emulator::find("secrets_are_checked_put_and_never_shown") else { return };
    let (stack, folder) = (emulator.stack().await, tempfile::tempdir().expect("a folder"));
    let told = stack.run(&["secrets", "init"]).with(0);
    assert!(told.out.contains("master key: there") && told.out.contains("defaults are in force"), "{}", told.out);
    assert!(!told.out.contains(&write_master(&MASTER)));

    let (good, bad) = (folder.path().join("good.toml"), folder.path().join("bad.toml"));
    let text = "[[corps]]\ncorp = \"ww1\"\nagent = 1\nsecret = \"planted\"\n";
    std::fs::write(&good, text).expect("a file");
    std::fs::write(&bad, "secret = \"planted\"").expect("a file");
    let (good, bad) = (good.to_str().expect("a path"), bad.to_str().expect("a path"));
    let refused = stack.run(&["secrets", "init", "--settings", bad]).with(1);
    assert!(refused.err.contains("nothing was put") && !refused.err.contains("planted"), "{}", refused.err);
    assert_eq!(stack.secret("settings").await, "# roadbook.toml");
    let put = stack.run(&["secrets", "init", "--settings", good]).with(0);
    assert!(put.out.contains("with 1 WeCom apps") && !put.out.contains("planted"), "{}", put.out);
    assert_eq!(stack.secret("settings").await, text);
    std::fs::write(bad, "idle_s = 5").expect("a file");
    stack.run(&["secrets", "init", "--settings", bad]).refused("--replace");
    stack.run(&["secrets", "init", "--settings", bad, "--replace"]).with(0);

    // A backed-up key goes into an empty stack that stands still, and into no other.
    let key = folder.path().join("backed-up.key");
    write_private(&key, &"0b".repeat(32));
    let arguments = ["secrets", "init", "--master-key", key.to_str().expect("a path")];
    stack.run(&arguments).refused("stop --stack");
    stack.run(&["stop"]).with(0);
    stack.run(&arguments).with(0);
    assert_eq!(stack.secret("key").await, "0b".repeat(32));
    stack.run(&["start"]).refused("believe the former one");
    let item = Some(Item { version: 1, body: "{}".into() });
    let put = Put { key: ItemKey::document(TenantId::from_u128(7), "keys/1"), expect: Expect::Absent, item };
    stack.dynamo.commit(Commit { puts: vec![put], ..Commit::default() }).await.expect("a commit");
    write_private(&key, &"0c".repeat(32));
    stack.run(&arguments).refused("an empty installation only");
    assert_eq!(stack.secret("key").await, "0b".repeat(32));
}

#[tokio::test]
async fn dead_letters_come_back_once_each_with_their_group() {
    let Some(emulator) = Emulator::find("dead_letters_come_back") else { return };
    let stack = emulator.stack().await;
    stack.run(&["redrive", "--queue", "inbox"]).refused("-inbox-dead.fifo");
    let make = async |name: &str| {
        let create = stack.queues.create_queue().queue_name(format!("{}-{name}", stack.name));
        let fifo = aws_sdk_sqs::types::QueueAttributeName::FifoQueue;
        create.attributes(fifo, "true").send().await.expect("a queue").queue_url.expect("its address")
    };
    let (live, dead) = (make("inbox.fifo").await, make("inbox-dead.fifo").await);
    for n in 0..25 {
        let send = stack.queues.send_message().queue_url(&dead).message_body(format!("{n}"));
        send.message_group_id(format!("g{}", n % 3))
            .message_deduplication_id(format!("d{n}"))
            .send()
            .await
            .expect("sent");
    }
    let counted = stack.run(&["redrive", "--queue", "inbox", "--dry-run"]).with(0);
    assert!(counted.out.contains("25 messages") && counted.out.contains("dry run"), "{}", counted.out);
    let some = stack.run(&["redrive", "--queue", "inbox", "--max", "4"]).with(0);
    assert!(some.out.contains("4 messages are in"), "{}", some.out);
    let rest = stack.run(&["redrive", "--queue", "inbox"]).with(0);
    assert!(rest.out.contains("21 messages are in"), "{}", rest.out);

    let queues = roadbook_aws::Sqs::new(stack.queues.clone());
    let (mut found, mut groups) = (Vec::new(), std::collections::BTreeMap::<String, Vec<u32>>::new());
    loop {
        let received = queues.receive(&live, 0, 60).await.expect("messages");
        if received.is_empty() {
            break;
        }
        for message in &received {
            let number: u32 = message.body.parse().expect("a number");
            found.push(number);
            groups.entry(message.group.clone().expect("a group")).or_default().push(number);
        }
        queues.delete(&live, &received).await.expect("deleted");
    }
    found.sort_unstable();
    assert_eq!(found, (0..25).collect::<Vec<_>>(), "each of them once");
    for (group, numbers) in groups {
        assert!(numbers.is_sorted() && numbers.iter().all(|number| format!("g{}", number % 3) == group), "{numbers:?}");
    }
    let left = queues.depth(&dead).await.expect("a count");
    assert_eq!(left, roadbook_aws::Depth::default());
}
