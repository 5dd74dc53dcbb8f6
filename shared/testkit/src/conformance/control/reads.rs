//! What a tenant's read feed brought by hour.

use futures::future::join_all;
use lethe_domain::read_feed::{HourOfReads, ReadsByHour};
use lethe_domain::time::EpochSeconds;
use lethe_stages::ports::Control;

use super::NOW;
use crate::tokens::tenant;

const UNTIL: EpochSeconds = EpochSeconds(NOW.0 + 90 * 86_400);

pub(super) async fn suite<C: Control>(control: &C) {
    an_hours_reads_add_up(control).await;
    reads_at_once_all_count(control).await;
}

fn hour(n: i64) -> EpochSeconds {
    EpochSeconds(NOW.0 + n * 3600)
}

fn reads(n_reads: u64, n_canaries: u64) -> HourOfReads {
    HourOfReads { n_reads, n_canaries }
}

async fn an_hours_reads_add_up<C: Control>(control: &C) {
    let of = tenant("feed");
    assert_eq!(control.reads_by_hour(&of, hour(0)).await.unwrap(), ReadsByHour::new());
    for (n, counted) in [(0, reads(3, 0)), (0, reads(40, 1)), (2, reads(0, 1)), (-1, reads(9, 0))] {
        control.count_reads(&of, hour(n), counted, UNTIL).await.unwrap();
    }
    control.count_reads(&tenant("feed-2"), hour(0), reads(7, 7), UNTIL).await.unwrap();
    let expected = ReadsByHour::from([(hour(0), reads(43, 1)), (hour(2), reads(0, 1))]);
    assert_eq!(control.reads_by_hour(&of, hour(0)).await.unwrap(), expected);
    assert_eq!(control.reads_by_hour(&of, hour(-5)).await.unwrap().len(), 3);
    assert_eq!(control.reads_by_hour(&of, hour(3)).await.unwrap(), ReadsByHour::new());
}

async fn reads_at_once_all_count<C: Control>(control: &C) {
    let of = tenant("feeds");
    join_all((1..=8).map(|n| control.count_reads(&of, NOW, reads(n, 1), UNTIL))).await;
    let expected = ReadsByHour::from([(NOW, reads(36, 8))]);
    assert_eq!(control.reads_by_hour(&of, NOW).await.unwrap(), expected);
}
