//! What waits to be delivered: messages in any order, some late, some twice, some never; and the vault's stream, in
//! order within a shard, in batches that are cut anew with every attempt.

use std::collections::VecDeque;
use std::time::Duration;

use lethe_domain::time::EpochSeconds;
use lethe_stages::stream::{RecordKind, StreamRecord};
use lethe_testkit::{FakeQueue, Faults, Flaw};

use crate::deployment::{Deployment, Work};
use crate::dice::Dice;
use crate::tally::Tally;

/// Shards of the vault's stream.
const STREAM_SHARDS: usize = 2;

/// Something that is delivered until it is taken.
#[derive(Clone, Debug)]
pub struct Parcel {
    pub work: Work,
    /// Not before.
    pub visible_from: EpochSeconds,
    /// How often it was delivered, this time included.
    pub n_receives: u32,
    /// Whether whoever sends it gives up when it is lost; the others send until it is taken.
    may_be_lost: bool,
    /// The reader of a stream that it comes from.
    reader: Option<usize>,
}

impl Parcel {
    /// A tick: nobody sends it again, the next one comes anyway.
    pub fn tick(work: Work, visible_from: EpochSeconds) -> Self {
        Self { work, visible_from, n_receives: 0, may_be_lost: true, reader: None }
    }

    /// A message of somebody who sends it until it is taken.
    pub fn certain(work: Work, visible_from: EpochSeconds) -> Self {
        Self { may_be_lost: false, ..Self::tick(work, visible_from) }
    }

    fn is_tick(&self) -> bool {
        matches!(self.work, Work::Survey | Work::Expire | Work::Reconcile)
    }
}

/// One reader of one shard of the stream: it has one batch under way at a time.
#[derive(Debug, Default)]
struct Reader {
    waiting: VecDeque<StreamRecord>,
    is_busy: bool,
}

/// Everything that waits.
#[derive(Debug, Default)]
pub struct Post {
    parcels: Vec<Parcel>,
    /// React's readers, then archive's.
    readers: [Reader; 2 * STREAM_SHARDS],
    n_streamed: u64,
}

impl Post {
    pub fn add(&mut self, parcel: Parcel) {
        self.parcels.push(parcel);
    }

    /// Takes what the functions have sent since. On a bad day some of it is late or lost.
    pub fn collect(&mut self, deployment: &Deployment, mut bad_day: Option<(&mut Dice, &mut Tally)>) {
        let now = deployment.now();
        let cloud = &deployment.cloud;
        let wakes = [&cloud.scan_queue, &cloud.sweep_queue].into_iter().flat_map(FakeQueue::drain);
        let wakes = wakes.map(|wake| Parcel::tick(Work::Wake(wake), now));
        let removed = cloud.archive.drain_removed().into_iter();
        let notices = removed.map(|object| Parcel::certain(Work::Confirm(object), now));
        for mut parcel in wakes.chain(notices) {
            if let Some((dice, tally)) = &mut bad_day {
                if parcel.may_be_lost && dice.chance(15) {
                    tally.n_lost += 1;
                    continue;
                }
                if dice.chance(120) {
                    tally.n_late += 1;
                    parcel.visible_from = now.plus(dice.minutes(1, 60));
                }
            }
            self.parcels.push(parcel);
        }
    }

    /// Hands a change of the vault to the function that reads it.
    pub fn stream(&mut self, record: StreamRecord, faults: &Faults) {
        self.n_streamed += 1;
        if faults.has(Flaw::LosesStreamRecords) && self.n_streamed.is_multiple_of(7) {
            return;
        }
        let image = record.new.as_ref().or(record.old.as_ref());
        let sk = image.and_then(|image| image.key("sk")).unwrap_or_default();
        let shard = sk.bytes().map(usize::from).sum::<usize>() % STREAM_SHARDS;
        let reader = match record.kind {
            RecordKind::Insert | RecordKind::Modify => shard,
            RecordKind::Remove => STREAM_SHARDS + shard,
        };
        self.readers[reader].waiting.push_back(record);
    }

    /// Something that can be delivered now, if there is anything. On a bad day it may be delivered twice.
    pub fn next(
        &mut self,
        now: EpochSeconds,
        dice: &mut Dice,
        bad_day: Option<&mut Tally>,
    ) -> Option<Parcel> {
        let ready: Vec<usize> =
            (0..self.parcels.len()).filter(|at| self.parcels[*at].visible_from <= now).collect();
        let streams: Vec<usize> = (0..self.readers.len())
            .filter(|at| !self.readers[*at].is_busy && !self.readers[*at].waiting.is_empty())
            .collect();
        if ready.is_empty() && streams.is_empty() {
            return None;
        }
        let at = dice.place(ready.len() + streams.len());
        if let Some(reader) = at.checked_sub(ready.len()).map(|at| streams[at]) {
            return Some(self.batch(reader, now, dice));
        }
        let mut parcel = self.parcels.swap_remove(ready[at]);
        parcel.n_receives += 1;
        if let Some(tally) = bad_day.filter(|_| dice.chance(60)) {
            tally.n_doubled += 1;
            self.parcels.push(parcel.clone());
        }
        Some(parcel)
    }

    fn batch(&mut self, at: usize, now: EpochSeconds, dice: &mut Dice) -> Parcel {
        let reader = &mut self.readers[at];
        reader.is_busy = true;
        let n_records = 1 + dice.place(reader.waiting.len().min(5));
        let records: Vec<_> = reader.waiting.iter().take(n_records).cloned().collect();
        let work = if at < STREAM_SHARDS { Work::React(records) } else { Work::Archive(records) };
        Parcel { reader: Some(at), ..Parcel::certain(work, now) }
    }

    /// It was taken. A batch may come again all the same, when its worker dies before it can say so.
    pub fn taken(&mut self, parcel: &Parcel, comes_again: bool) {
        let (Some(at), Work::React(records) | Work::Archive(records)) = (parcel.reader, &parcel.work) else {
            return;
        };
        let reader = &mut self.readers[at];
        reader.is_busy = false;
        if !comes_again {
            reader.waiting.drain(..records.len());
        }
    }

    /// It was not taken: it comes again, but for a tick, after which there is another.
    pub fn failed(&mut self, parcel: Parcel, after: Duration, now: EpochSeconds) {
        if let Some(reader) = parcel.reader {
            self.readers[reader].is_busy = false;
        } else if !parcel.is_tick() {
            self.parcels.push(Parcel { visible_from: now.plus(after), ..parcel });
        }
    }

    /// When the next of what waits can be delivered.
    pub fn next_at(&self) -> Option<EpochSeconds> {
        self.parcels.iter().map(|parcel| parcel.visible_from).min()
    }

    /// Everything that waits can be delivered from now on.
    pub fn hurry(&mut self, now: EpochSeconds) {
        for parcel in &mut self.parcels {
            parcel.visible_from = parcel.visible_from.min(now);
        }
    }
}
