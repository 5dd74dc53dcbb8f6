//! The model itself: its numbers, its first state, its steps.

use std::time::Duration;

use lethe_domain::campaign::Pace as CampaignPace;
use lethe_domain::config::Config;
use lethe_domain::issue::{NewToken, issued_item};
use lethe_domain::policy::{KindPolicy, Trigger};
use lethe_domain::row::{By, Owner, VaultRow};
use lethe_domain::run::{Purpose, Run};
use lethe_domain::time::{EpochMillis, EpochSeconds};
use lethe_domain::token::{RowKey, TenantId};
use stateright::{Model, Property};

use crate::action::{Action, faults};
use crate::guard::Guard;
use crate::property::{Broken, properties};
use crate::row::{Row, at};
use crate::run::{RunName, RunRow};
use crate::scene::Scene;
use crate::switch::Switch;
use crate::world::{Archived, Carried, Look, World};

/// The durations, in ticks, as short as each can be and still be told from nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    pub(crate) grace: u8,
    pub(crate) in_flight_max: u8,
    pub(crate) run_spacing: u8,
    pub(crate) cool_off: u8,
    pub(crate) notice: u8,
    pub(crate) lease: u8,
    pub(crate) stuck_after: u8,
    pub(crate) retention: u8,
}

pub(crate) const NUMBERS: Numbers = Numbers {
    grace: 1,
    in_flight_max: 1,
    run_spacing: 1,
    cool_off: 1,
    notice: 1,
    lease: 1,
    stuck_after: 1,
    retention: 1,
};

/// The protocol in one scene, whole or without some guard.
#[derive(Clone, Debug)]
pub struct Protocol {
    pub(crate) scene: Scene,
    pub(crate) off: Vec<Guard>,
    pub(crate) numbers: Numbers,
    pub(crate) kind: KindPolicy,
    pub(crate) template: VaultRow,
    pub(crate) tenant: TenantId,
    pub(crate) by: By,
}

/// The config version of every decision.
pub(crate) const POLICY: u64 = 1;

/// When every scene begins: late enough that the token, issued at 0, is old enough to be missed.
const START: u8 = 3;

impl Protocol {
    /// The protocol as it is shipped.
    ///
    /// # Panics
    /// When the shipped example config does not parse: its own tests come first.
    pub fn new(scene: Scene) -> Self {
        Self::build(scene, Vec::new())
    }

    /// The protocol without one of its guards.
    ///
    /// # Panics
    /// As [`Protocol::new`].
    pub fn without(guard: Guard, scene: Scene) -> Self {
        Self::build(scene, vec![guard])
    }

    /// The protocol without several guards at once: what stands behind another is seen only where that is gone.
    ///
    /// # Panics
    /// As [`Protocol::new`].
    pub fn without_both(guards: [Guard; 2], scene: Scene) -> Self {
        Self::build(scene, guards.to_vec())
    }

    #[expect(
        clippy::expect_used,
        reason = "constants that their own tests hold; there is no model without them"
    )]
    fn build(scene: Scene, off: Vec<Guard>) -> Self {
        let config = Config::parse(include_str!("../../../lethe.example.toml")).expect("the example config");
        let mut kind = config.kinds.get("vault").expect("the kind that is scanned for").clone();
        let key = RowKey::parse("acme#0000", "tok_a").expect("a key");
        let is_off = |guard| off.contains(&guard);
        let numbers = NUMBERS;
        let ticks = |n: u8| Duration::from_secs(u64::from(n));
        kind.grace = if is_off(Guard::AgeFloor) { Duration::ZERO } else { ticks(numbers.grace) };
        kind.read_granularity = Duration::ZERO;
        kind.idle_after = None;
        let rule = kind.rules.get_mut(&Trigger::Unreferenced).expect("its rule");
        rule.strikes = if is_off(Guard::Strikes) { 1 } else { scene.strikes };
        let cool_off = scene.read_every.unwrap_or(numbers.cool_off);
        rule.cool_off = if is_off(Guard::CoolOff) { Duration::ZERO } else { ticks(cool_off) };
        if let Some(revoked) = kind.rules.get_mut(&Trigger::Revoked) {
            revoked.cool_off = ticks(numbers.cool_off);
        }
        let new = NewToken {
            key: key.clone(),
            kind: "vault".to_owned(),
            created_at: EpochMillis(0),
            expires_at: None,
            owner: Owner::default(),
        };
        let template = VaultRow::try_from(issued_item(&new, &kind, 16).row).expect("the issuer's row");
        let by = By { actor: "reader".to_owned(), reason_text: None };
        Self { scene, off, numbers, kind, template, tenant: key.tenant, by }
    }

    /// Whether a guard stands.
    pub(crate) fn has(&self, guard: Guard) -> bool {
        !self.off.contains(&guard)
    }

    /// The cool-off that is owed, whether the guard stands or not.
    pub(crate) fn cool_off_owed(&self) -> u8 {
        self.scene.read_every.unwrap_or(self.numbers.cool_off)
    }

    /// The cool-off that the rules know.
    pub(crate) fn cool_off(&self) -> u8 {
        if self.has(Guard::CoolOff) { self.cool_off_owed() } else { 0 }
    }

    /// How long a removal is announced.
    pub(crate) fn notice(&self) -> u8 {
        if self.has(Guard::Notice) { self.numbers.notice } else { 0 }
    }

    /// What follow-ups depend on.
    pub(crate) fn campaign_pace(&self) -> CampaignPace {
        let rule = self.kind.rule(Trigger::Unreferenced);
        CampaignPace {
            run_spacing: Duration::from_secs(u64::from(self.numbers.run_spacing)),
            cool_off: rule.map(|rule| rule.cool_off).unwrap_or_default(),
            strikes: rule.map_or(1, |rule| rule.strikes),
            // One token is no backlog.
            slice_day: Duration::ZERO,
        }
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let first = RunName { slot: 0, ordinal: 1 }.to_id();
        let first = Run::booked(self.tenant.clone(), first, Purpose::Discovery, at(START), EpochSeconds(0));
        vec![World {
            now: START,
            left: self.scene.budget,
            reference: self.scene.reference,
            has_moved_in_look: false,
            is_read_in_flight: false,
            is_read_owed: false,
            last_use: None,
            row: Some(Row::issued(0)),
            run: Some(RunRow::of(&first)),
            slot: 0,
            looks: [Look::default(); 2],
            carried: Carried::default(),
            planned: None,
            is_woken: false,
            fence: 0,
            lease_until: None,
            workers: [None; 2],
            past: None,
            cooled_by: None,
            order: None,
            switch: Switch::default(),
            looked_at: None,
            approved: Vec::new(),
            verdict_scan: None,
            removing: None,
            lifting: None,
            leaving: None,
            archived: Archived::Never,
            is_revived: false,
            is_cut_short: false,
            broken: Broken::default(),
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.lethes_actions(world, actions);
        let is_lethe_busy = !actions.is_empty();
        self.others_actions(world, actions);
        faults(world, actions);
        if self.may_tick(world, is_lethe_busy) {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        self.step(&mut world, action);
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties(self.scene.sometimes)
    }
}
