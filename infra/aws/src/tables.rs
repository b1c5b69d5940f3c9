//! The tables, described once. The SAM template repeats this description, and a test compares the two.
//!
//! | table | attribute | what |
//! | --- | --- | --- |
//! | items | `pk`, `sk` | see `keys.rs` |
//! | | `v` | version: the fence of every write |
//! | | `s` | the item's bytes, packed: see `codec.rs` |
//! | | `a` | a counter's amount, in place of `s` |
//! | | `w` | eight bytes that the last writer drew: how it recognises its own write after a lost answer |
//! | | `log`, `lv` | the record of the actor's last turn, packed, and the version that turn made: the outbox, which the stream carries to the relay |
//! | | `old` | records of earlier turns that the relay had not carried: see `outbox.rs` |
//! | | `sp` | names of the items into which records have spilled: see `spill.rs`. Such an item has only `old` |
//! | | `dl`, `nd` | key of the sparse index `due`; absent where nothing waits |
//! | history | `pk`, `sk` | actor, version |
//! | | `r` | the turn's record, packed |
//! | | `m` | sixteen bytes for each message the turn decided |
//!
//! An item without `v` holds only its place in the due index and counts as absent.

use crate::outcome;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType,
};
use roadbook_runtime::ports::Fault;

/// An attribute of a key and its DynamoDB type: `S`, `N` or `B`.
pub type KeyPart = (&'static str, &'static str);

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What comes behind the prefix and a hyphen in its name.
    pub suffix: &'static str,
    /// Partition key and sort key.
    pub key: [KeyPart; 2],
    /// An index that holds keys only: its name, partition key and sort key.
    pub index: Option<(&'static str, [KeyPart; 2])>,
    /// Whether every change of an item goes to a stream, with the item as it is then.
    pub stream: bool,
}

/// Items of every space, and the due index over them.
pub const ITEMS: Table = Table {
    suffix: "items",
    key: [("pk", "S"), ("sk", "B")],
    index: Some((DUE, [("dl", "S"), ("nd", "B")])),
    stream: true,
};
/// Turns for ever.
pub const HISTORY: Table = Table { suffix: "history", key: [("pk", "S"), ("sk", "N")], index: None, stream: false };
/// Both.
pub const TABLES: [&Table; 2] = [&ITEMS, &HISTORY];
/// The index of what is due.
pub const DUE: &str = "due";

/// The name of a table in an account.
pub fn name(prefix: &str, table: &Table) -> String {
    format!("{prefix}-{}", table.suffix)
}

/// Makes both tables: for an emulator, a test, a first look. A deployment has them from its template.
///
/// # Errors
/// What DynamoDB says, for example that a table of this name is there already.
pub async fn create(client: &Client, prefix: &str) -> Result<(), Fault> {
    for table in TABLES {
        let request =
            describe(client.create_table(), prefix, table).map_err(|error| Fault::Store(error.to_string()))?;
        request.send().await.map_err(|error| outcome::fault("make a table", &name(prefix, table), &error))?;
    }
    Ok(())
}

type CreateTable = aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;

fn describe(mut request: CreateTable, prefix: &str, table: &Table) -> Result<CreateTable, BuildError> {
    request = request.table_name(name(prefix, table)).billing_mode(BillingMode::PayPerRequest);
    let index = table.index.as_ref();
    for (name, kind) in table.key.iter().chain(index.iter().flat_map(|(_, key)| key)) {
        let kind = ScalarAttributeType::from(*kind);
        let attribute = AttributeDefinition::builder().attribute_name(*name).attribute_type(kind).build()?;
        request = request.attribute_definitions(attribute);
    }
    request = request.set_key_schema(Some(schema(&table.key)?));
    if let Some((name, key)) = index {
        let keys_only = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
        let index = GlobalSecondaryIndex::builder().index_name(*name).projection(keys_only);
        request = request.global_secondary_indexes(index.set_key_schema(Some(schema(key)?)).build()?);
    }
    if table.stream {
        let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewImage);
        request = request.stream_specification(stream.build()?);
    }
    Ok(request)
}

fn schema(key: &[KeyPart; 2]) -> Result<Vec<KeySchemaElement>, BuildError> {
    let element = |(name, _): &KeyPart, kind| KeySchemaElement::builder().attribute_name(*name).key_type(kind).build();
    Ok(vec![element(&key[0], KeyType::Hash)?, element(&key[1], KeyType::Range)?])
}
