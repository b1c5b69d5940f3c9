//! The simulator as a program.

fn main() {
    let seeds: u64 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(10);
    let from: u64 = std::env::args().nth(2).and_then(|n| n.parse().ok()).unwrap_or(1);
    let told = std::env::args().nth(3).is_some();
    let mut turns = 0;
    let mut bad = 0;
    let begun = std::time::Instant::now();
    for seed in from..from + seeds {
        let played = roadbook_sim::seed::play(seed, &Default::default(), told);
        turns += played.turns;
        if let Some(broken) = &played.broken {
            bad += 1;
            println!("seed {seed}: {broken}");
        }
        for line in &played.lines {
            println!("{:?} {:?} {}", line.at, line.host, line.what);
        }
    }
    println!("{turns} turns, {bad} bad, {:.1} s", begun.elapsed().as_secs_f64());
}
