//! Trains the dictionary that rows and records are packed with, and measures what it saves:
//!
//! ```sh
//! cargo run -p roadbook-aws-it --example dictionary                 # measures the one in use
//! cargo run -p roadbook-aws-it --example dictionary -- ID FILE      # trains another
//! ```
//! A new dictionary gets a new id and a line in `infra/aws/src/codec.rs`, and packs from the release after; the old ones stay. It is trained on the rows
//! of made-up customers, and measured on others that another seed made up. Real customers differ more from each other
//! than made-up ones do: the figures are a lower bound of what will be stored.

#[path = "../samples.rs"]
mod samples;

use samples::{Samples, lived, make_up};

/// Bytes of a dictionary: what sixteen kilobytes do not hold, no row repeats often enough to pay for.
const DICTIONARY_BYTES: usize = 16 * 1024;
const CUSTOMERS: u64 = 1_200;

fn percentile(sizes: &mut [usize], of: usize) -> usize {
    sizes.sort_unstable();
    sizes[(sizes.len() - 1) * of / 100]
}

fn show(what: &str, mut sizes: Vec<usize>) {
    let mean = sizes.iter().sum::<usize>() / sizes.len();
    let (p50, p99) = (percentile(&mut sizes, 50), percentile(&mut sizes, 99));
    println!("{what:<34} mean {mean:>5}  p50 {p50:>5}  p99 {p99:>5}");
}

fn measure(what: &str, samples: &[Vec<u8>]) {
    show(&format!("{what}, as they are"), samples.iter().map(Vec::len).collect());
    let plain = |bytes: &Vec<u8>| zstd::bulk::compress(bytes, 3).expect("zstd").len();
    show(&format!("{what}, zstd"), samples.iter().map(plain).collect());
    show(
        &format!("{what}, zstd with dictionary"),
        samples.iter().map(|bytes| roadbook_aws::codec::pack(bytes).len()).collect(),
    );
}

/// Both sorts together: what is frequent decides what a dictionary holds.
async fn all(seed: u64) -> Samples {
    let (mut all, later) = (make_up(seed, CUSTOMERS).await, lived(seed, CUSTOMERS / 4).await);
    all.rows.extend(later.rows);
    all.records.extend(later.records.into_iter().step_by(2));
    all
}

/// A dictionary begins with four bytes that say so and four of its id.
fn train(samples: &Samples, id: u16) -> Vec<u8> {
    let all: Vec<&Vec<u8>> = samples.rows.iter().chain(samples.records.iter().step_by(2)).collect();
    let mut dictionary = zstd::dict::from_samples(&all, DICTIONARY_BYTES).expect("a dictionary");
    dictionary[4..8].copy_from_slice(&u32::from(id).to_le_bytes());
    dictionary
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => {
            let others = make_up(2, CUSTOMERS).await;
            measure("rows", &others.rows);
            measure("records", &others.records);
            let others = lived(2, CUSTOMERS / 4).await;
            measure("later rows", &others.rows);
            measure("later records", &others.records);
        }
        [id, file] => {
            let dictionary = train(&all(1).await, id.parse().expect("the id is a small number"));
            std::fs::write(file, &dictionary).expect("the file can be written");
            println!("{} bytes in {file}", dictionary.len());
        }
        _ => println!("say nothing to measure, or an id and a file to train"),
    }
}
