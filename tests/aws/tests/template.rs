//! `infra/template.yaml` describes the tables that `roadbook_aws::tables` describes, and the queues that the port needs.

use roadbook_aws::tables::{KeyPart, TABLES, Table};
use roadbook_runtime::ports::QueueName;

fn template() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/template.yaml");
    std::fs::read_to_string(path).expect("the template is there")
}

/// The lines of the resource that has this table's name.
fn resource<'a>(template: &'a str, table: &Table) -> &'a str {
    let name = format!("TableName: !Sub \"${{AWS::StackName}}-{}\"", table.suffix);
    let named = template.find(&name).unwrap_or_else(|| panic!("no resource has {name}"));
    let begin = template[..named].rfind("\n\n").expect("an empty line stands before a resource");
    let end = template[named..].find("\n\n").expect("and one behind it");
    &template[begin..named + end]
}

/// A key as the template writes it.
fn schema(key: &[KeyPart; 2], indent: &str) -> String {
    let kinds = ["HASH", "RANGE"];
    let line =
        |((name, _), kind): (&KeyPart, &str)| format!("{indent}  - {{ AttributeName: {name}, KeyType: {kind} }}\n");
    format!("{indent}KeySchema:\n{}", key.iter().zip(kinds).map(line).collect::<String>())
}

#[test]
fn every_table_has_its_keys_its_index_and_its_stream() {
    let template = template();
    for table in TABLES {
        let resource = resource(&template, table);
        let holds =
            |wanted: &str| assert!(resource.contains(wanted), "{} lacks:\n{wanted}\nin:{resource}", table.suffix);
        let index = table.index.iter().flat_map(|(_, key)| key);
        let attribute =
            |(name, kind): &KeyPart| format!("        - {{ AttributeName: {name}, AttributeType: {kind} }}\n");
        let attributes: String = table.key.iter().chain(index).map(attribute).collect();
        holds(&format!("      AttributeDefinitions:\n{attributes}      KeySchema:\n"));
        holds(&schema(&table.key, "      "));
        match &table.index {
            Some((name, key)) => {
                let key = schema(key, "          ");
                holds(&format!(
                    "        - IndexName: {name}\n{key}          Projection: {{ ProjectionType: KEYS_ONLY }}\n"
                ));
            }
            None => assert!(!resource.contains("GlobalSecondaryIndexes"), "{}", table.suffix),
        }
        assert_eq!(resource.contains("StreamSpecification: { StreamViewType: NEW_IMAGE }"), table.stream);
        for kept in [
            "DeletionPolicy: RetainExceptOnCreate",
            "UpdateReplacePolicy: Retain",
            "BillingMode: PAY_PER_REQUEST",
            "DeletionProtectionEnabled: !If [IsProd, true, false]",
            "PointInTimeRecoveryEnabled: true",
            "SSEEnabled: true",
        ] {
            holds(kept);
        }
    }
    assert_eq!(template.matches("Type: AWS::DynamoDB::Table\n").count(), TABLES.len(), "no table but those");
}

/// China's regions are another partition: an ARN that begins with `arn:aws:` is wrong there.
#[test]
fn no_arn_names_a_partition() {
    let named: Vec<String> = template().lines().filter(|line| line.contains("arn:aws")).map(str::to_owned).collect();
    assert!(named.is_empty(), "{named:?}");
}

/// The lines of the resource of that name.
fn named<'a>(template: &'a str, name: &str) -> &'a str {
    let begin = template.find(&format!("\n  {name}:\n")).unwrap_or_else(|| panic!("there is no resource {name}"));
    let rest = &template[begin + 1..];
    let end = rest.match_indices("\n  ").map(|(at, _)| at).find(|at| rest.as_bytes()[at + 3] != b' ');
    end.map_or(rest, |end| &rest[..end])
}

/// The number behind a word of a resource.
fn number(resource: &str, word: &str) -> u32 {
    let line = resource.lines().find_map(|line| line.trim().strip_prefix(word)?.strip_prefix(": "));
    line.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no {word} in:\n{resource}"))
}

#[test]
fn every_queue_has_its_dead_letters_its_function_and_time_to_work() {
    let template = template();
    let queues = [
        (QueueName::Inbox, "Inbox", "Inbox", "inbox", ".fifo"),
        (QueueName::Pokes, "Pokes", "Inbox", "pokes", ""),
        (QueueName::Sends, "Sends", "Send", "sends", ""),
        (QueueName::Announcements, "Announcements", "Send", "announcements", ""),
    ];
    assert_eq!(queues.map(|one| one.0), QueueName::ALL);
    for (_, name, function, low, fifo) in queues {
        let holds =
            |resource: &str, wanted: &str| assert!(resource.contains(wanted), "{wanted} is not in:\n{resource}");
        let queue = named(&template, &format!("{name}Queue"));
        holds(queue, &format!("QueueName: !Sub \"${{AWS::StackName}}-{low}{fifo}\"\n"));
        holds(queue, &format!("{{ deadLetterTargetArn: !GetAtt {name}DeadQueue.Arn, maxReceiveCount: 5 }}"));
        let timeout = number(named(&template, &format!("{function}Function")), "Timeout");
        assert_eq!(number(queue, "VisibilityTimeout"), 6 * timeout, "{name}");
        let dead = named(&template, &format!("{name}DeadQueue"));
        holds(dead, &format!("QueueName: !Sub \"${{AWS::StackName}}-{low}-dead{fifo}\"\n"));
        for one in [queue, dead] {
            assert_eq!(one.contains("FifoQueue: true"), !fifo.is_empty(), "{one}");
            assert_eq!(number(one, "MessageRetentionPeriod"), 14 * 24 * 60 * 60);
            holds(one, "SqsManagedSseEnabled: true");
        }
        holds(named(&template, &format!("{name}DeadAlarm")), &format!("Value: !GetAtt {name}DeadQueue.QueueName"));
        let source = named(&template, &format!("{name}Source"));
        holds(source, &format!("FunctionName: !Ref {function}FunctionAliaslive"));
        holds(source, "FunctionResponseTypes: [ReportBatchItemFailures]");
        holds(source, "ScalingConfig: { MaximumConcurrency: !Ref ");
        assert_eq!(number(source, "BatchSize"), 10, "more than ten of a FIFO queue SQS does not hand out");
        holds(&template, &format!("ROADBOOK_{}_URL: !Ref {name}Queue\n", low.to_uppercase()));
    }
    let inbox = named(&template, "InboxQueue");
    assert!(
        inbox.contains("FifoThroughputLimit: perMessageGroupId") && inbox.contains("DeduplicationScope: messageGroup")
    );
}

/// Who may put something into which queue: nobody but those who have to.
#[test]
fn roles_reach_their_own_queues_and_no_others() {
    let template = template();
    let reached = |role: &str| {
        let role = named(&template, &format!("{role}Role"));
        ["Inbox", "Pokes", "Sends", "Announcements"].map(|name| role.contains(&format!("{name}Queue.Arn")))
    };
    assert_eq!(reached("Api"), [true, false, false, false]);
    assert_eq!(reached("Inbox"), [true, true, false, false]);
    assert_eq!(reached("Send"), [false, false, true, true]);
    assert_eq!(reached("Relay"), [false, true, true, true]);
    assert_eq!(reached("Sweep"), [false, true, true, true]);
    assert_eq!(reached("Admin"), [false; 4]);
    for role in ["Api", "Relay", "Sweep", "Admin"] {
        assert!(!named(&template, &format!("{role}Role")).contains("sqs:ReceiveMessage"), "{role} only puts in");
    }
}

/// The names of the resources of a type.
fn of_type<'a>(template: &'a str, kind: &str) -> Vec<&'a str> {
    let lines: Vec<&str> = template.lines().collect();
    let is_it = |pair: &&[&str]| pair[1] == format!("    Type: {kind}");
    lines.windows(2).filter(is_it).map(|pair| pair[0].trim().trim_end_matches(':')).collect()
}

#[test]
fn secrets_outlive_the_stack() {
    let template = template();
    let secrets = of_type(&template, "AWS::SecretsManager::Secret");
    assert_eq!(secrets, ["MasterKey", "Settings"]);
    for secret in secrets {
        let lines = named(&template, secret);
        for kept in ["DeletionPolicy: RetainExceptOnCreate", "UpdateReplacePolicy: Retain"] {
            assert!(lines.contains(kept), "{secret} lacks {kept}");
        }
    }
}

#[test]
fn a_domain_of_ones_own_is_there_only_where_one_is_named() {
    let template = template();
    for parameter in ["DomainName", "CertificateArn"] {
        assert!(named(&template, parameter).contains("Default: \"\""), "{parameter} may be left out");
    }
    assert!(template.contains("  HasDomain: !Not [!Equals [!Ref DomainName, \"\"]]\n"));
    for resource in ["HttpDomain", "HttpMapping"] {
        assert!(named(&template, resource).contains("    Condition: HasDomain\n"), "{resource}");
    }
    assert!(named(&template, "Url").contains("!If [HasDomain, !Sub \"https://${DomainName}\""));
}

#[test]
fn functions_are_packed_prebuilt_and_prod_changes_them_by_canary() {
    let template = template();
    let functions = of_type(&template, "AWS::Serverless::Function");
    assert_eq!(functions.len(), 6);
    for name in functions {
        let lines = named(&template, name);
        assert!(lines.contains("Metadata: { SkipBuild: true }"), "{name}");
        assert!(lines.contains("DeploymentPreference:") || name == "AdminFunction", "{name}");
    }
    assert!(template.contains("    prod:\n      Canary: \"true\"\n"));
}
