//! `infra/template.yaml` describes the tables that `roadbook_aws::tables` describes.

use roadbook_aws::tables::{KeyPart, TABLES, Table};

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
