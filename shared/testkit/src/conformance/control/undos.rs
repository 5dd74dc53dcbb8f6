//! Orders to take back runs.

use lethe_domain::undo::{Undo, UndoPosition, UndoTally};
use lethe_stages::ports::Control;

use super::{NOW, run_ref};
use crate::tokens::tenant;

pub(super) async fn suite<C: Control>(control: &C) {
    a_run_has_one_order(control).await;
    an_order_is_written_by_one_writer_only(control).await;
    the_latest_orders_come_first(control).await;
}

fn order(of: &str, run: &str) -> Undo {
    Undo::new(tenant(of), run_ref(of, run).id, ("arn:ops", Some("INC-7")), NOW)
}

async fn a_run_has_one_order<C: Control>(control: &C) {
    let (run, first) = (run_ref("undone", "100-01"), order("undone", "100-01"));
    assert_eq!(control.undo(&run).await.unwrap(), None);
    assert!(control.create_undo(&first).await.unwrap());
    let second = Undo { by: order("undone", "100-02").by, ..first.clone() };
    assert!(!control.create_undo(&second).await.unwrap());
    assert_eq!(control.undo(&run).await.unwrap(), Some(first));
}

async fn an_order_is_written_by_one_writer_only<C: Control>(control: &C) {
    let (run, mut undo) = (run_ref("undone-2", "100-01"), order("undone-2", "100-01"));
    assert!(!control.update_undo(&undo).await.unwrap(), "nothing stands there");
    control.create_undo(&undo).await.unwrap();
    undo.position = UndoPosition::Walk { n_shards_done: 3, after: Some("tok_a".to_owned()) };
    undo.tally = UndoTally { n_reinstated: 7, ..UndoTally::default() };
    assert!(control.update_undo(&undo).await.unwrap());
    assert!(!control.update_undo(&undo).await.unwrap(), "its revision has stepped");
    undo.revision += 1;
    assert_eq!(control.undo(&run).await.unwrap(), Some(undo.clone()));
    undo.done_at = Some(NOW);
    assert!(control.update_undo(&undo).await.unwrap());
}

async fn the_latest_orders_come_first<C: Control>(control: &C) {
    for run in ["1000000100-01", "1000000200-01", "1000000200-02"] {
        control.create_undo(&order("undone-3", run)).await.unwrap();
    }
    let latest = control.undos(&tenant("undone-3"), 2).await.unwrap();
    let runs: Vec<String> = latest.into_iter().map(|undo| undo.run.to_string()).collect();
    assert_eq!(runs, ["1000000200-02", "1000000200-01"]);
}
