//! The worlds that the tests start from.

use std::time::Duration;

use futures::executor::block_on;
use lethe_domain::time::EpochMillis;
use lethe_domain::token::TokenId;
use lethe_sources::Attribute;
use lethe_stages::error::StageError;
use lethe_stages::intake::{Answer, Caller, Intake, Sender};
use lethe_stages::invocation::Invocation;
use lethe_testkit::{CHANGED_AT, Sample, row, token};

use crate::driver::World;

pub const HOUR: Duration = Duration::from_hours(1);
pub const DAY: Duration = Duration::from_hours(24);

/// One tenant with a table and a bucket; nothing in any of them, and one campaign a month.
pub fn empty_world() -> World {
    world_with_cadence("30d")
}

/// A campaign every four hours.
pub fn busy_world() -> World {
    let world = world_with_cadence("4h");
    remain(&world);
    world
}

/// The token that [`remain`] puts into use.
pub const REMAINS: u64 = 9_999;

/// A token that is in use: a plan under which nothing would remain is void.
pub fn remain(world: &World) {
    world.cloud.vault.insert(row("acme", &token(REMAINS)));
    world.store("acme-orders", &token(REMAINS));
}

fn world_with_cadence(cadence: &str) -> World {
    let config = Sample::new()
        .tenant("acme")
        .table("orders", "acme-orders", 2)
        .bucket("lake", "acme-lake", "exports/", "jsonl")
        .cadence(cadence)
        .ratio(15, 10);
    let world = World::new(&config.text());
    world.stores.tables.create("acme-orders");
    world.stores.objects.create("acme-lake");
    world
}

/// `n` tokens, all of them referenced by the table.
pub fn live_world(n: u64) -> World {
    let world = empty_world();
    for seed in 1..=n {
        world.cloud.vault.insert(row("acme", &token(seed)));
        world.store("acme-orders", &token(seed));
    }
    world.round_quietly();
    world
}

/// Tokens 1, 3 and 4 are referenced, token 2 is not.
pub fn cold_store() -> World {
    let world = empty_world();
    for seed in 1..=4 {
        world.cloud.vault.insert(row("acme", &token(seed)));
    }
    world.store("acme-orders", &token(1));
    world.store("acme-orders", &token(3));
    let line = format!("{{\"note\":\"paid with {}\"}}\n", token(4).expose());
    world.stores.objects.put("acme-lake", "exports/a.jsonl", line.as_bytes());
    world
}

/// `n` tokens that no store holds, and one that is in use.
pub fn hardly_referenced(n: u64) -> World {
    let world = empty_world();
    remain(&world);
    for seed in 1..=n {
        world.cloud.vault.insert(row("acme", &token(seed)));
    }
    world
}

/// The application that the sample's config lets in.
pub fn app(id: &str, sent_at: EpochMillis) -> Caller {
    let sender = Sender::Principal("arn:aws:iam::000000000000:user/app".to_owned());
    Caller { id: id.to_owned(), sender, sent_at }
}

impl World {
    /// Puts a token into a table of a tenant's.
    pub fn store(&self, table: &str, token: &TokenId) {
        let text = |text: &str| Attribute::S(text.to_owned());
        let changed_at = Attribute::N(self.cloud.clock.millis().0.to_string());
        let item = [
            ("id".to_owned(), text("o-1")),
            ("note".to_owned(), text(token.expose())),
            (CHANGED_AT.to_owned(), changed_at),
        ];
        self.stores.tables.put(table, item.into_iter().collect());
    }

    /// Takes the stream records of the set-up, so that a test sees only its own.
    pub fn round_quietly(&self) {
        self.drain();
    }

    pub fn command(&self, body: &str) -> Answer {
        let answer = self.try_command(body).unwrap();
        self.drain();
        answer
    }

    pub fn try_command(&self, body: &str) -> Result<Answer, StageError> {
        self.command_as(body, &app("m-1", self.cloud.clock.millis()))
    }

    /// A command of anybody, at any time.
    pub fn command_as(&self, body: &str, caller: &Caller) -> Result<Answer, StageError> {
        let intake = Intake {
            control: &self.cloud.control,
            audit: &self.audit,
            vault: &self.cloud.vault,
            settings: &self.settings,
        };
        let invocation = Invocation { now: self.now(), should_pause: &|| false, has_come: &|_| false };
        block_on(intake.command(body, caller, invocation))
    }

    pub fn read(&self, tenant: &str, token: &TokenId) -> Answer {
        self.command(&format!(
            r#"{{"v":1,"tenant":"{tenant}","command":"read","tokens":["{}"]}}"#,
            token.expose()
        ))
    }

    pub fn revoke(&self, tenant: &str, token: &TokenId) -> Answer {
        self.command(&format!(
            r#"{{"v":1,"tenant":"{tenant}","command":"revoked","tokens":["{}"]}}"#,
            token.expose()
        ))
    }
}
