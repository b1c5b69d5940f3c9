//! How small rows are: DynamoDB bills a write by the kilobyte.

#[path = "../samples.rs"]
mod samples;

use roadbook_aws::codec::{pack, unpack};

/// Keys, version, mark and the names of attributes, roughly: 29 + 17 for the key, 8 for `w`, numbers, names.
const AROUND: usize = 90;
const UNIT: usize = 1_024;

fn sizes(samples: &[Vec<u8>]) -> Vec<usize> {
    let mut sizes: Vec<usize> = samples.iter().map(|bytes| pack(bytes).len()).collect();
    sizes.sort_unstable();
    sizes
}

#[tokio::test]
async fn a_turn_of_the_usual_customer_is_one_write_unit_and_of_the_largest_two() {
    let samples = samples::make_up(3, 300).await;
    for bytes in samples.rows.iter().chain(&samples.records) {
        assert_eq!(unpack(&pack(bytes)).as_deref(), Ok(bytes.as_slice()));
    }
    let (rows, records) = (sizes(&samples.rows), sizes(&samples.records));
    let at = |sizes: &[usize], percent: usize| sizes[(sizes.len() - 1) * percent / 100];
    let item = |percent| at(&rows, percent) + at(&records, percent) + AROUND;
    println!("bytes of an item: p50 {}, p90 {}, p99 {}", item(50), item(90), item(99));
    assert!(item(50) <= UNIT && item(90) <= UNIT && item(99) <= 2 * UNIT, "{} {} {}", item(50), item(90), item(99));
    let raw: usize = samples.rows.iter().map(Vec::len).sum();
    let later = samples::lived(4, 100).await;
    let (rows_later, records_later) = (sizes(&later.rows), sizes(&later.records));
    let item_later = |percent| at(&rows_later, percent) + at(&records_later, percent) + AROUND;
    println!("in a journey after months: p50 {}, p90 {}, p99 {}", item_later(50), item_later(90), item_later(99));
    assert!(item_later(50) <= UNIT && item_later(99) <= 2 * UNIT, "{} {}", item_later(50), item_later(99));
    assert!(rows.iter().sum::<usize>() * 3 < raw, "the dictionary still fits the rows that are made today");
}
