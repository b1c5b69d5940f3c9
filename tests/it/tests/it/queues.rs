//! Every queue passes the one suite; that of AWS in `tests/aws`.

use roadbook_it::queues::{InMemory, run};

#[tokio::test]
async fn memory_conforms() {
    run(async || InMemory::default()).await;
}
