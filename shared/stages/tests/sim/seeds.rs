//! Tells seeds, on every core.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use lethe_domain::run::Stage;
use lethe_testkit::Flaw;

use crate::deployment::Deployment;
use crate::dice::Dice;
use crate::setting::Setting;
use crate::story::Story;
use crate::tally::Tally;

/// Seeds that are told where nobody asks for more: enough to see that it works.
const FEW_SEEDS: u64 = 16;

/// Which seeds are told.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub n_seeds: u64,
    pub from: u64,
}

/// What became of a seed.
pub struct Told {
    pub tally: Tally,
    pub script: Vec<String>,
    /// The promise that was broken, if one was.
    pub broken: Option<String>,
}

impl Wanted {
    /// As `cargo xtask simulate` asks for them.
    #[expect(clippy::disallowed_methods, reason = "a test binary has no other way to be asked for more")]
    pub fn from_environment() -> Self {
        let number = |name: &str| std::env::var(name).ok()?.parse().ok();
        let n_seeds = number("LETHE_SIMULATE_SEEDS").unwrap_or(FEW_SEEDS);
        Self { n_seeds, from: number("LETHE_SIMULATE_FROM").unwrap_or(0) }
    }
}

/// Tells one seed.
pub fn tell(seed: u64, is_written: bool) -> Told {
    tell_broken(seed, is_written, None)
}

/// Tells one seed in a world in which something is broken for good.
pub fn tell_broken(seed: u64, is_written: bool, flaw: Option<Flaw>) -> Told {
    let mut dice = Dice::new(seed);
    let setting = Setting::thrown(&mut dice);
    let deployment = Deployment::new(&setting);
    if let Some(flaw) = flaw {
        deployment.cloud.faults.break_by(flaw);
    }
    let mut story = Story::new(&deployment, setting, dice, is_written);
    let outcome = catch_unwind(AssertUnwindSafe(|| story.tell()));
    let broken = match outcome {
        Ok(outcome) => outcome.err(),
        Err(_) => Some("it panicked".to_owned()),
    };
    let mut tally = story.tally;
    for run in deployment.cloud.control.all_runs() {
        if run.shadow.is_some() {
            tally.count("shadow run");
        }
        if run.stage == Stage::Applied && run.tally.n_deferred > 0 {
            tally.count("slice of a first purge");
        }
        match run.stage {
            Stage::Applied => tally.count("run applied"),
            Stage::Void => tally.count("run void"),
            Stage::Booked
            | Stage::Surveying
            | Stage::Scanning
            | Stage::Draining
            | Stage::Planning
            | Stage::Gated
            | Stage::Applying
            | Stage::Reported => {}
        }
    }
    Told { tally, script: story.script.unwrap_or_default(), broken }
}

/// Tells all of them; the first that breaks a promise is told again aloud.
pub fn tell_all(wanted: &Wanted) -> Tally {
    let next = AtomicU64::new(wanted.from);
    let total = Mutex::new(Tally::default());
    let broken = Mutex::new(Vec::new());
    let tell_some = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if wanted.from + wanted.n_seeds <= seed || !broken.lock().unwrap().is_empty() {
                return;
            }
            let told = tell(seed, false);
            total.lock().unwrap().add(&told.tally);
            if let Some(why) = told.broken {
                broken.lock().unwrap().push((seed, why));
            }
        }
    };
    let n_threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(tell_some);
        }
    });
    if let Some((seed, why)) = broken.into_inner().unwrap().into_iter().min() {
        let script = tell(seed, true).script.join("\n");
        panic!(
            "{script}\n\nseed {seed}: {why}\ntold again by: cargo xtask simulate --seeds 1 --from {seed}\n"
        );
    }
    total.into_inner().unwrap()
}
